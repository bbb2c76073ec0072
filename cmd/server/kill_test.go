package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/podpath/podpath/internal/share/pgtest"
)

func TestMain(m *testing.M) { os.Exit(pgtest.Run(m)) }

// kills is how often a kill test kills the server: 4 times, or as PODPATH_KILLS says (make kill: 200).
func kills(t *testing.T) int {
	text := os.Getenv("PODPATH_KILLS")
	if text == "" {
		return 4
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 {
		t.Fatalf("PODPATH_KILLS=%s: want a number", text)
	}
	return n
}

// TestKillSQLite and TestKillPostgreSQL kill the server with SIGKILL while it is asked to share, again and again at random
// moments, and then open every link that it has acknowledged.
func TestKillSQLite(t *testing.T) {
	killed(t, "--links", filepath.Join(t.TempDir(), "links.db"))
}

func TestKillPostgreSQL(t *testing.T) {
	t.Setenv("PODPATH_DATABASE_URL", pgtest.Database(t))
	killed(t)
}

func killed(t *testing.T, args ...string) {
	if testing.Short() {
		t.Skip("kill tests are skipped with -short")
	}
	bin := filepath.Join(t.TempDir(), "server")
	if out, err := exec.Command("go", "build", "-o", bin, ".").CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, out)
	}
	seed := rand.Uint64()
	random := rand.New(rand.NewPCG(seed, 0))
	t.Logf("seed %d", seed)
	var mu sync.Mutex
	acknowledged := map[string]string{} // id: title
	cut := 0
	n := kills(t)
	for round := range n {
		s := startServer(t, bin, args...)
		var wg sync.WaitGroup
		stop := make(chan struct{})
		for worker := range 4 {
			wg.Go(func() {
				for i := 0; ; i++ {
					select {
					case <-stop:
						return
					default:
					}
					title := fmt.Sprintf("round %d, worker %d, link %d", round, worker, i)
					id, err := s.share(title)
					mu.Lock()
					if err != nil {
						cut++
						mu.Unlock()
						return // the server is gone
					}
					acknowledged[id] = title
					mu.Unlock()
				}
			})
		}
		time.Sleep(time.Duration(20+random.IntN(250)) * time.Millisecond)
		s.kill(t)
		close(stop)
		wg.Wait()
	}
	s := startServer(t, bin, args...)
	defer s.kill(t)
	lost := 0
	for id, title := range acknowledged {
		if got, err := s.title(id); err != nil || got != title {
			lost++
			t.Errorf("link %s, %q, was acknowledged and is now %q, %v", id, title, got, err)
		}
	}
	t.Logf("%d kills, %d requests cut off; %d links acknowledged, %d of them lost", n, cut, len(acknowledged), lost)
	if len(acknowledged) < n {
		t.Errorf("only %d links were acknowledged in %d rounds: the test shows nothing", len(acknowledged), n)
	}
	if cut == 0 {
		t.Error("no request was cut off: nothing was killed at work")
	}
}

// running is a server as a process of its own.
type running struct {
	cmd *exec.Cmd
	url string
}

func startServer(t *testing.T, bin string, args ...string) *running {
	t.Helper()
	cmd := exec.Command(bin, append([]string{"--addr", "127.0.0.1:0"}, args...)...)
	var log bytes.Buffer
	cmd.Stderr = &log
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	_, url, ok := strings.Cut(strings.TrimSpace(line), " at ")
	if err != nil || !ok {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		t.Fatalf("the server does not start: %q, %v\n%s", line, err, log.String())
	}
	return &running{cmd, url}
}

func (s *running) kill(t *testing.T) {
	t.Helper()
	if err := s.cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = s.cmd.Wait() // it says that it was killed
}

func (s *running) share(title string) (id string, err error) {
	body, err := json.Marshal(map[string]string{"query": question, "title": title})
	if err != nil {
		return "", err
	}
	r, err := http.Post(s.url+"/api/v1/links", "application/json", bytes.NewReader(body))
	if err != nil {
		return "", err
	}
	defer r.Body.Close()
	data, err := io.ReadAll(r.Body)
	if err != nil {
		return "", err
	}
	var got receipt
	if err := json.Unmarshal(data, &got); err != nil || r.StatusCode != http.StatusCreated {
		return "", fmt.Errorf("%s: %.200s", r.Status, data)
	}
	return got.ID, nil
}

// title opens a link as a program does, and as a reader does.
func (s *running) title(id string) (string, error) {
	r, err := http.Get(s.url + "/api/v1/links/" + id)
	if err != nil {
		return "", err
	}
	defer r.Body.Close()
	var got struct{ Content struct{ Title string } }
	if err := json.NewDecoder(r.Body).Decode(&got); err != nil || r.StatusCode != http.StatusOK {
		return "", fmt.Errorf("%s, %w", r.Status, err)
	}
	page, err := http.Get(s.url + "/s/" + id)
	if err != nil {
		return "", err
	}
	defer page.Body.Close()
	if page.StatusCode != http.StatusOK {
		return "", fmt.Errorf("the page: %s", page.Status)
	}
	return got.Content.Title, nil
}
