// Package arch holds the code to its architecture: which folder may import which. It has no code of its own, only the
// table and the test in arch_test.go. A folder that is new is added to the table there, with the reason in the commit.
package arch
