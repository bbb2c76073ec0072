package main

import (
	"context"
	"errors"
	"fmt"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/podpath/podpath/internal/lab/space"
)

// interrupted is a context that ends with Ctrl-C, or when the machine shuts down: namespaces have to be taken down first. A second
// Ctrl-C does nothing more, and "podpath lab down" is there for what a kill leaves.
func interrupted(cmd *cobra.Command) (context.Context, context.CancelFunc) {
	return signal.NotifyContext(cmd.Context(), syscall.SIGINT, syscall.SIGTERM)
}

// brokenOff says what became of a lab that ended with its context. Any other error is itself.
func brokenOff(lab string, err error) error {
	if !errors.Is(err, context.Canceled) {
		return err
	}
	if have, lerr := space.List(lab); lerr != nil || len(have) > 0 {
		return fmt.Errorf("interrupted, and namespaces are left (want %s): %w", typed(lab, "down"), errors.Join(err, lerr))
	}
	return errors.New("interrupted; the namespaces are taken down")
}
