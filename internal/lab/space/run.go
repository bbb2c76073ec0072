package space

import (
	"bytes"
	"fmt"
	"os/exec"
	"strings"
	"syscall"
)

// Run runs a program in the namespace with a text as its standard input, and gives its standard output. The program dies
// with this process: a lab that is killed leaves nothing running. Ctrl-C, which a terminal sends to a whole process group, is not
// for the program but for this process, which ends the lab in order.
func (s *Space) Run(stdin string, name string, args ...string) (string, error) {
	var out, complaint bytes.Buffer
	cmd := exec.Command(name, args...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = strings.NewReader(stdin), &out, &complaint
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL, Setpgid: true}
	if err := s.Do(cmd.Run); err != nil {
		said := strings.TrimSpace(complaint.String())
		if said != "" {
			said = ": " + said
		}
		return out.String(), fmt.Errorf("namespace %s: %s: %w%s", s.Name, strings.Join(append([]string{name}, args...), " "), err, said)
	}
	return out.String(), nil
}
