// Package e2e runs the pages in a real browser. Its tests are skipped, and say why, where Chromium or the node modules
// are not installed.
package e2e

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/podpath/podpath/internal/share/pgtest"
)

// browserTime is how long the whole run in the browser may take.
const browserTime = 12 * time.Minute

func need(t *testing.T) {
	t.Helper()
	if testing.Short() {
		t.Skip("browser tests are skipped with -short")
	}
	if _, err := exec.LookPath("node"); err != nil {
		t.Skip("browser tests need node, which is not installed")
	}
	if _, err := os.Stat("../node_modules/playwright-core"); err != nil {
		t.Skip("browser tests need the node modules: run npm ci")
	}
	chromium := os.Getenv("CHROMIUM")
	if chromium == "" {
		chromium = "/usr/bin/chromium"
	}
	if _, err := os.Stat(chromium); err != nil {
		t.Skipf("browser tests need Chromium: %s is not there (set CHROMIUM to another)", chromium)
	}
}

// start runs the server on a free port until the test ends, and gives its address and the file of its links.
func start(t *testing.T) (address, links string) {
	t.Helper()
	if err := built(); err != nil {
		t.Fatal(err)
	}
	bin := binary
	links = filepath.Join(t.TempDir(), "links.db")
	if os.Getenv("PODPATH_DATABASE_URL") != "" {
		links = "" // it says where
	}
	cmd := exec.Command(bin, "--addr", "127.0.0.1:0", "--links", links)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := cmd.Process.Signal(os.Interrupt); err != nil {
			t.Error(err)
		}
		if err := cmd.Wait(); err != nil {
			t.Errorf("the server did not stop cleanly: %v", err)
		}
	})
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatalf("the server said nothing: %v", err)
	}
	_, url, ok := strings.Cut(strings.TrimSpace(line), " at ")
	if !ok {
		t.Fatalf("no address in %q", line)
	}
	return url, links
}

// binary is the server that all tests run; built builds it once, for linking takes seconds.
var binary string

var built = sync.OnceValue(func() error {
	if out, err := exec.Command("go", "build", "-o", binary, "../cmd/server").CombinedOutput(); err != nil {
		return fmt.Errorf("go build: %w\n%s", err, out)
	}
	return nil
})

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "podpath-e2e-")
	if err != nil {
		panic(err)
	}
	binary = filepath.Join(dir, "server")
	code := pgtest.Run(m)
	_ = os.RemoveAll(dir)
	os.Exit(code)
}

func TestTracePage(t *testing.T) { run(t, "trace.mjs") }

func TestServices(t *testing.T) { run(t, "services.mjs") }

func TestOverlays(t *testing.T) { run(t, "overlays.mjs") }

func TestCompare(t *testing.T) { run(t, "compare.mjs") }

func TestLessons(t *testing.T) { run(t, "lessons.mjs") }

func TestNode(t *testing.T) { run(t, "node.mjs") }

func TestProject(t *testing.T) { run(t, "project.mjs") }

func TestMaxPods(t *testing.T) { run(t, "maxpods.mjs") }

func TestLayout(t *testing.T) { run(t, "layout.mjs") }

func TestAccess(t *testing.T) { run(t, "access.mjs") }

func TestKorean(t *testing.T) { run(t, "korean.mjs") }

func TestLinks(t *testing.T) { run(t, "links.mjs") }

func TestOwn(t *testing.T) { run(t, "own.mjs") }

// TestRooms is TestTwoServers with one, where there is no PostgreSQL or everything is looked at.
func TestRooms(t *testing.T) {
	if os.Getenv("PODPATH_E2E") != "all" && pgtest.Installed() {
		return
	}
	run(t, "rooms.mjs")
}

// TestTwoServers has two servers on one PostgreSQL: the presenter is at one, who follows at the other.
func TestTwoServers(t *testing.T) {
	need(t)
	t.Setenv("PODPATH_DATABASE_URL", pgtest.Database(t))
	other, _ := start(t)
	run(t, "rooms.mjs", other)
}

func TestWeight(t *testing.T) { run(t, "weight.mjs") }

// TestExport has the programs that exports are for read them. Mermaid gets names of anything besides, which only a snapshot
// can have.
func TestExport(t *testing.T) { run(t, "export.mjs", hostileDiagrams(t)) }

// run has a script check the pages of a server of its own.
func run(t *testing.T, script string, args ...string) {
	need(t)
	url, links := start(t)
	ctx, cancel := context.WithTimeout(t.Context(), browserTime)
	defer cancel()
	cmd := exec.CommandContext(ctx, "node", append([]string{script, url}, args...)...)
	cmd.Env = append(os.Environ(), "PODPATH_LINKS="+links) // the file in which the server keeps what is shared
	out, err := cmd.CombinedOutput()
	t.Logf("%s", out)
	if err != nil {
		t.Fatalf("%s: %v", script, err)
	}
}
