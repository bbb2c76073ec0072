// Command podpath traces a packet through a Kubernetes cluster's network from the shell: what the page shows, as text
// or as data.
package main

import (
	"errors"
	"fmt"
	"os"

	"github.com/spf13/cobra"
)

func main() { os.Exit(run()) }

// errDiffers ends a verb that found a difference: exit code 1 without a further message.
var errDiffers = errors.New("differs")

// run gives the exit code: 0, 1 where a verify or check found something, 2 where the call was wrong.
func run() int {
	root := &cobra.Command{
		Use:           "podpath",
		Short:         "Show the way a packet takes through a Kubernetes cluster",
		SilenceUsage:  true,
		SilenceErrors: true,
	}
	root.AddCommand(traceCommand(), compareCommand(), stateCommand(), verifyCommand(), presetsCommand(), rulesCommand(), maxpodsCommand(), labCommand())
	err := root.Execute()
	switch {
	case err == nil:
		return 0
	case errors.Is(err, errDiffers):
		return 1
	}
	fmt.Fprintln(os.Stderr, "podpath:", err)
	return 2
}
