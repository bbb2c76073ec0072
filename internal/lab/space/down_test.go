package space

import (
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// ownMounts is set in a process that has a mount namespace of its own.
const ownMounts = "PODPATH_TEST_OWN_MOUNTS"

// TestDownUnder holds that a lab can be taken down after the machine's first `ip netns add`, which mounts the folder of the
// namespaces on itself. It does so among mounts of its own: the machine's stay as they are.
func TestDownUnder(t *testing.T) {
	if err := Root(); err != nil {
		t.Skip(err)
	}
	if os.Getenv(ownMounts) == "" {
		cmd := exec.Command(os.Args[0], "-test.run=^TestDownUnder$")
		cmd.Env = append(os.Environ(), ownMounts+"=1")
		cmd.SysProcAttr = &syscall.SysProcAttr{Unshareflags: unix.CLONE_NEWNS}
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		return
	}
	if err := unix.Mount("tmpfs", "/run", "tmpfs", 0, ""); err != nil {
		t.Fatal(err)
	}
	const lab = "under"
	for _, of := range []string{"node-a", "pod/default/web"} {
		s, err := Create(Name(lab, of))
		if err != nil {
			t.Fatal(err)
		}
		s.Close()
	}
	if err := unix.Mount(Dir, Dir, "", unix.MS_BIND|unix.MS_REC, ""); err != nil {
		t.Fatal(err)
	}
	if err := unix.Mount("", Dir, "", unix.MS_REC|unix.MS_SHARED, ""); err != nil {
		t.Fatal(err)
	}
	gone, err := Down(lab)
	if err != nil || len(gone) != 2 {
		t.Errorf("%v taken down, %v; want two namespaces", gone, err)
	}
	if left, err := os.ReadDir(Dir); err != nil || len(left) > 0 {
		t.Errorf("%v is left in %s, %v", left, Dir, err)
	}
	mounts, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil || strings.Contains(string(mounts), Prefix+lab) {
		t.Errorf("a namespace is still mounted (%v):\n%s", err, mounts)
	}
}
