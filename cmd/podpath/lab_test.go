package main

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/podpath/podpath/internal/lab/build"
	"github.com/podpath/podpath/internal/lab/record"
	"github.com/podpath/podpath/internal/lab/space"
)

// needKernel skips where no lab can be built, in one sentence.
func needKernel(t *testing.T) {
	t.Helper()
	if err := build.Needs(); err != nil {
		t.Skipf("the kernel lab is skipped: %v", err)
	}
}

// binary builds the command.
func binary(t *testing.T) string {
	t.Helper()
	bin := filepath.Join(t.TempDir(), "podpath")
	if out, err := exec.Command("go", "build", "-o", bin, ".").CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, out)
	}
	return bin
}

// killed is the lab that is killed, and what its processes and their children carry in their environment.
var killed = fmt.Sprintf("killed%d", os.Getpid())

// left is what a machine has that a lab could have left behind, as text: its namespaces, the links, rules and routes of the
// machine's own namespace, processes, and instances of tracefs. Of those only what these recorders left, for another test may be
// killing its own.
func left(t *testing.T, recorders map[int]bool) string {
	t.Helper()
	var b strings.Builder
	names, err := space.List(killed)
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range names {
		fmt.Fprintf(&b, "namespace %s\n", n)
	}
	for _, c := range [][]string{{"ip", "-o", "link"}, {"nft", "list", "ruleset"}, {"ip", "rule"}, {"ip", "-4", "route", "show", "table", "all"}} {
		out, err := exec.Command(c[0], c[1:]...).Output()
		if err != nil {
			t.Fatalf("%v: %v", c, err)
		}
		fmt.Fprintf(&b, "%s:\n%s", strings.Join(c, " "), out)
	}
	for _, name := range record.ForgetDrops() {
		if pid, err := strconv.Atoi(strings.TrimPrefix(name, "podpath-")); err == nil && recorders[pid] {
			fmt.Fprintf(&b, "tracefs instance %s\n", name)
		}
	}
	procs, err := filepath.Glob("/proc/[0-9]*/environ")
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range procs {
		if env, err := os.ReadFile(p); err == nil && bytes.Contains(env, []byte(marker)) {
			exe, _ := os.Readlink(filepath.Join(filepath.Dir(p), "exe"))
			fmt.Fprintf(&b, "process %s %s\n", filepath.Dir(p), exe)
		}
	}
	return b.String()
}

// marker is in the environment of the lab that is killed, and of whatever it starts.
var marker = "PODPATH_TEST_KILLED=" + killed

// TestKilled kills a lab at random moments, from its first namespace to its last packet, and takes it down: nothing of it is
// left on the machine.
func TestKilled(t *testing.T) {
	needKernel(t)
	bin := binary(t)
	recorders := map[int]bool{}
	before := left(t, recorders)
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 0))
	const times = 50
	midway := 0
	for n := range times {
		cmd := exec.Command(bin, "lab", "record", filepath.Join(t.TempDir(), "out"), "--lab", killed, "--preset", "eks-study", "--from", "pod/default/netshoot-1", "--to", "svc/default/web")
		if n%2 == 1 {
			cmd = exec.Command(bin, "lab", "up", "--lab", killed, "--preset", "eks-study", "--cni", "calico-vxlan")
		}
		cmd.Env = append(os.Environ(), marker)
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		recorders[cmd.Process.Pid] = true
		time.Sleep(time.Duration(r.IntN(900)) * time.Millisecond)
		if err := cmd.Process.Signal(syscall.SIGKILL); err == nil {
			names, err := space.List(killed)
			if err != nil {
				t.Fatal(err)
			}
			if len(names) > 0 {
				midway++
			}
		}
		_ = cmd.Wait() // it was killed
		if out, err := exec.Command(bin, "lab", "down", "--lab", killed).CombinedOutput(); err != nil {
			t.Fatalf("round %d: lab down: %v\n%s", n, err, out)
		}
		if after := left(t, recorders); after != before {
			t.Fatalf("round %d: left behind:\n%s\nthere was before:\n%s", n, after, before)
		}
	}
	if midway < times/5 {
		t.Errorf("only %d of %d labs had anything when they were killed: the moments are not random enough", midway, times)
	}
	t.Logf("%d of %d labs were killed with namespaces there", midway, times)
}

// commands is the lab of the test of the commands.
var commands = fmt.Sprintf("commands%d", os.Getpid())

// TestLabCommands: a lab is built, entered and taken down; a flow is recorded, compared with the trace, and agrees.
func TestLabCommands(t *testing.T) {
	needKernel(t)
	bin := binary(t)
	run := func(want string, args ...string) string {
		t.Helper()
		ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
		defer cancel()
		out, err := exec.CommandContext(ctx, bin, args...).CombinedOutput()
		if err != nil || !strings.Contains(string(out), want) {
			t.Fatalf("podpath %s: %v; want %q in\n%s", strings.Join(args, " "), err, want, out)
		}
		return string(out)
	}
	defer func() {
		if _, err := space.Down(commands); err != nil {
			t.Error(err)
		}
	}()
	run("podpath-"+commands+"-pod.default.netshoot-1", "lab", "up", "--lab", commands, "--preset", "onprem-study", "--cni", "calico-vxlan")
	out, err := exec.Command(bin, "lab", "up", "--lab", commands).CombinedOutput()
	if err == nil || !strings.Contains(string(out), "is there already") {
		t.Errorf("up twice: %v: %s", err, out)
	}
	run("inet 10.244.0.1/32", "lab", "shell", "--lab", commands, "pod/default/netshoot-1", "ip", "addr")
	run("-N KUBE-SERVICES", "lab", "shell", "--lab", commands, "node/node-a", "--", "iptables-nft", "-t", "nat", "-S")
	out, err = exec.Command(bin, "lab", "shell", "--lab", commands, "pod/default/nobody").CombinedOutput()
	if err == nil || !strings.Contains(string(out), "no such place") {
		t.Errorf("shell in nobody: %v: %s", err, out)
	}
	run("namespaces removed", "lab", "down", "--lab", commands)
	for _, args := range [][]string{
		{"--preset", "eks-study", "--from", "pod/default/netshoot-2", "--to", "8.8.8.8", "--dport", "53", "--proto", "udp"},
		{"--preset", "onprem-study", "--cni", "calico-vxlan", "--from", "pod/default/netshoot-1", "--to", "svc/default/web"},
	} {
		dir := filepath.Join(t.TempDir(), "rec")
		for n := 0; ; n++ { // a server that the machine lets wait acknowledges on its own: then the exchange is another one
			run("path rows", append([]string{"lab", "record", dir}, args...)...)
			out, err := exec.Command(bin, "verify", dir).CombinedOutput()
			if err == nil && strings.Contains(string(out), "1 recordings, 0 differ") {
				break
			}
			if n == 2 {
				t.Fatalf("podpath verify: %v\n%s", err, out)
			}
		}
		if raw, err := os.ReadFile(filepath.Join(dir, "frames.pcapng")); err != nil || !bytes.HasPrefix(raw, []byte{0x0a, 0x0d, 0x0d, 0x0a}) {
			t.Errorf("frames.pcapng: %v", err)
		}
		run("agrees", append([]string{"lab", "verify"}, args...)...)
	}
	if !build.Has("ipip") {
		out, err := exec.Command(bin, "lab", "verify", "--cni", "calico-ipip", "--from", "pod/default/netshoot-1", "--to", "internet").CombinedOutput()
		if err == nil || !strings.Contains(string(out), "this kernel has no ipip") {
			t.Errorf("what the kernel lacks is not named: %v: %s", err, out)
		}
	}
}

// TestLabWithoutRoot: every command of the lab says in one sentence that it needs root.
func TestLabWithoutRoot(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("this test gives root away, which it does not have")
	}
	bin := binary(t)
	for _, dir := range []string{filepath.Dir(bin), filepath.Dir(filepath.Dir(bin)), filepath.Dir(filepath.Dir(filepath.Dir(bin)))} {
		_ = os.Chmod(dir, 0o755) // a stranger has to be able to run it
	}
	for _, args := range [][]string{{"up"}, {"down"}, {"shell", "node/node-a"}, {"record", "/nowhere", "--from", "pod/default/netshoot-1", "--to", "internet"},
		{"verify", "--from", "pod/default/netshoot-1", "--to", "internet"}, {"presets", "/nowhere"}, {"fuzz"}, {"measure"}, {"bench"}} {
		cmd := exec.Command(bin, append([]string{"lab"}, args...)...)
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
		out, err := cmd.CombinedOutput()
		if err == nil || string(out) != "podpath: "+space.ErrRoot.Error()+"\n" {
			t.Errorf("podpath lab %s: %v: %s", strings.Join(args, " "), err, out)
		}
	}
}
