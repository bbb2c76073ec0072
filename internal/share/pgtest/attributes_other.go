//go:build !linux

package pgtest

import "syscall"

// attributes are none: elsewhere tests hardly run as root, and nothing tells a child that its parent has died.
func attributes(string) (*syscall.SysProcAttr, error) { return nil, nil }
