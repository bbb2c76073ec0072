package pgtest

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// superuser is the role that the server is made with. Who can reach the socket needs no password.
const superuser = "podpath"

// Server is a PostgreSQL of a test's own. Its methods are for one goroutine.
type Server struct {
	bin, dir string
	process  *process // nil while it does not run
}

// process is a postmaster that was started.
type process struct {
	*os.Process
	done chan struct{} // closed when it has ended
}

// Installed says whether there is a server to start.
func Installed() bool { return len(servers()) > 0 }

// servers are the programs that are installed.
func servers() []string {
	found, _ := filepath.Glob("/usr/lib/postgresql/*/bin/postgres") // Debian has a folder a version, none on PATH
	if path, err := exec.LookPath("postgres"); err == nil {
		found = append(found, path)
	}
	return found
}

// binaries is the folder with the newest server that is installed. It skips the test where there is none.
func binaries(tb testing.TB) string {
	tb.Helper()
	found := servers()
	if len(found) == 0 {
		tb.Skip("PostgreSQL is not installed (Debian's package postgresql): nothing is tested with it")
	}
	return filepath.Dir(slices.MaxFunc(found, func(a, b string) int { return version(a) - version(b) }))
}

// version is 15 of /usr/lib/postgresql/15/bin/postgres; 0 elsewhere.
func version(path string) int {
	n, _ := strconv.Atoi(filepath.Base(filepath.Dir(filepath.Dir(path))))
	return n
}

// create makes the folder of a server and starts it.
func create(bin string) (*Server, error) {
	// The path of a socket has room for 107 bytes (unix(7)).
	dir, err := os.MkdirTemp("", "podpath-pg-")
	if err != nil {
		return nil, err
	}
	s := &Server{bin: bin, dir: dir}
	if err := s.init(); err != nil {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	if err := s.start(); err != nil {
		return nil, errors.Join(err, s.remove())
	}
	return s, nil
}

func (s *Server) data() string { return filepath.Join(s.dir, "data") }
func (s *Server) log() string  { return filepath.Join(s.dir, "log") }

func (s *Server) init() error {
	attr, err := attributes(s.dir)
	if err != nil {
		return err
	}
	// --no-sync is for making the folder alone; the server itself syncs.
	cmd := exec.Command(filepath.Join(s.bin, "initdb"), "--pgdata", s.data(), "--username", superuser,
		"--auth", "trust", "--encoding", "UTF8", "--locale", "C", "--no-sync", "--no-instructions")
	cmd.Dir, cmd.SysProcAttr = s.dir, attr
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("initdb: %w\n%s", err, out)
	}
	return nil
}

// start starts the postmaster and waits until it answers. One that was killed may have left processes that must end before a
// new one takes over: then it is tried again.
func (s *Server) start() error {
	for deadline := time.Now().Add(patience); ; {
		if err := s.launch(); err != nil {
			return err
		}
		for time.Now().Before(deadline) {
			if s.exec("SELECT 1") == nil {
				return nil
			}
			select {
			case <-s.process.done:
			case <-time.After(20 * time.Millisecond):
				continue
			}
			break
		}
		if time.Now().After(deadline) {
			log, _ := os.ReadFile(s.log())
			return fmt.Errorf("PostgreSQL does not answer\n%s", log[max(0, len(log)-4000):])
		}
	}
}

func (s *Server) launch() error {
	attr, err := attributes(s.dir)
	if err != nil {
		return err
	}
	log, err := os.OpenFile(s.log(), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer log.Close()
	cmd := exec.Command(filepath.Join(s.bin, "postgres"), "-D", s.data(), "-k", s.dir, "-h", "", "-c", "unix_socket_permissions=0700")
	cmd.Dir, cmd.SysProcAttr, cmd.Stdout, cmd.Stderr = s.dir, attr, log, log
	p := &process{done: make(chan struct{})}
	started := make(chan error)
	go func() {
		// The signal that the server gets when this process dies is sent when the thread does that started it
		// (https://go.dev/issue/27505), so the thread stays.
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		err := cmd.Start()
		p.Process = cmd.Process
		started <- err
		if err == nil {
			cmd.Wait() // how it ended is in the log
			close(p.done)
		}
	}()
	if err := <-started; err != nil {
		return fmt.Errorf("starting PostgreSQL: %w", err)
	}
	s.process = p
	return nil
}

// Kill kills the postmaster as kill -9 does: it cannot finish anything.
func (s *Server) Kill(tb testing.TB) {
	tb.Helper()
	if err := s.end(syscall.SIGKILL); err != nil {
		tb.Fatal(err)
	}
}

// Restart starts a server that was killed, which recovers what it had committed.
func (s *Server) Restart(tb testing.TB) {
	tb.Helper()
	if s.process != nil {
		tb.Fatal("the server runs")
	}
	if err := s.start(); err != nil {
		tb.Fatal(err)
	}
}

// end ends the postmaster with a signal.
func (s *Server) end(signal os.Signal) error {
	p := s.process
	if p == nil {
		return errors.New("the server does not run")
	}
	s.process = nil
	if err := p.Signal(signal); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return err
	}
	<-p.done
	return nil
}

// remove ends the server and its folder. SIGINT is a fast shutdown: it breaks connections off (PostgreSQL's manual, 19.5).
func (s *Server) remove() error {
	var err error
	if s.process != nil {
		err = s.end(os.Interrupt)
	} else {
		err = s.orphans()
	}
	return errors.Join(err, os.RemoveAll(s.dir))
}

// orphans waits for the processes of a postmaster that was killed: they notice, and end, and write until then.
func (s *Server) orphans() error {
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		if !s.orphaned() {
			return nil
		}
	}
	return fmt.Errorf("processes of the PostgreSQL in %s do not end", s.dir)
}

// orphaned says whether a process has its working directory, which is the server's data, in the folder.
func (s *Server) orphaned() bool {
	all, _ := filepath.Glob("/proc/[0-9]*/cwd")
	return slices.ContainsFunc(all, func(link string) bool {
		cwd, err := os.Readlink(link)
		return err == nil && strings.HasPrefix(cwd, s.dir+"/")
	})
}
