package space

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// List names the namespaces that podpath made: of one lab, or of all where lab is "".
func List(lab string) ([]string, error) {
	files, err := os.ReadDir(Dir)
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	prefix := Prefix
	if lab != "" {
		prefix += lab + "-"
	}
	var out []string
	for _, f := range files {
		if strings.HasPrefix(f.Name(), prefix) {
			out = append(out, f.Name())
		}
	}
	return out, nil
}

// Down takes down a lab, or all where lab is "", and gives the names of the namespaces that it removed. It works from
// what it finds on the machine, whoever made it and however that ended: what runs in the namespaces is killed, then their
// names are unmounted and removed. Nothing else is touched.
func Down(lab string) ([]string, error) {
	names, err := List(lab)
	if err != nil || len(names) == 0 {
		return nil, err
	}
	if err := killInside(names); err != nil {
		return nil, err
	}
	for _, n := range names {
		if err := remove(n); err != nil {
			return nil, err
		}
	}
	return names, nil
}

// remove unmounts a namespace's name and removes it. A maker that was killed in between leaves a plain file, which has
// nothing to unmount (EINVAL).
func remove(name string) error {
	path := filepath.Join(Dir, name)
	if err := unix.Unmount(path, unix.MNT_DETACH); err != nil && !errors.Is(err, unix.EINVAL) && !errors.Is(err, unix.ENOENT) {
		return fmt.Errorf("namespace %s: unmount: %w", name, err)
	}
	err := os.Remove(path)
	if errors.Is(err, unix.EBUSY) {
		err = removeUnder(path)
	}
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("namespace %s: %w", name, err)
	}
	return nil
}

// removeUnder removes a name that is mounted on once more, out of reach: the first `ip netns add` of a machine mounts Dir, with all
// that is in it, on itself (netns_add in iproute2's ip/ipnetns.c). In a mount namespace of its own it takes away what lies above,
// until the name can be removed; that ends the mounts on it everywhere (detach_mounts in fs/namespace.c).
func removeUnder(path string) error {
	done := make(chan error)
	go func() { // the thread is thrown away with the mount namespace: it is never unlocked
		runtime.LockOSThread()
		done <- func() error {
			if err := unix.Unshare(unix.CLONE_NEWNS); err != nil {
				return err
			}
			if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
				return err
			}
			for {
				for unix.Unmount(path, unix.MNT_DETACH) == nil {
				}
				err := os.Remove(path)
				if err == nil || unix.Unmount(Dir, unix.MNT_DETACH) != nil {
					return err
				}
			}
		}()
	}()
	return <-done
}

// Processes are the processes with a thread in one of the namespaces, by number; this process is never among them.
func Processes(names []string) ([]int, error) {
	inside := map[string]bool{}
	for _, n := range names {
		if id, ok := identity(filepath.Join(Dir, n)); ok {
			inside[id] = true
		}
	}
	procs, err := os.ReadDir("/proc")
	if err != nil {
		return nil, err
	}
	var out []int
	for _, p := range procs {
		pid, err := strconv.Atoi(p.Name())
		if err != nil || pid == os.Getpid() {
			continue
		}
		tasks, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/ns/net", pid))
		for _, t := range tasks {
			if id, ok := identity(t); ok && inside[id] { // a process that has just ended has none
				out = append(out, pid)
				break
			}
		}
	}
	return out, nil
}

// identity is the device and inode that two names of one namespace share (namespaces(7)).
func identity(path string) (string, bool) {
	var st unix.Stat_t
	if unix.Stat(path, &st) != nil {
		return "", false
	}
	return fmt.Sprint(st.Dev, " ", st.Ino), true
}

// killInside kills what runs in the namespaces, and waits until it is gone.
func killInside(names []string) error {
	const tries = 100
	for range tries {
		pids, err := Processes(names)
		if err != nil || len(pids) == 0 {
			return err
		}
		for _, p := range pids {
			if err := unix.Kill(p, unix.SIGKILL); err != nil && !errors.Is(err, unix.ESRCH) {
				return fmt.Errorf("process %d is in a lab's namespace and cannot be killed: %w", p, err)
			}
		}
		time.Sleep(10 * time.Millisecond)
	}
	return fmt.Errorf("processes in a lab's namespaces do not end")
}
