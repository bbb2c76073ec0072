// Package fuzz is the random side of the kernel lab: it makes networks and flows nobody thought of, has a kernel and the
// tracer say what becomes of them, and where the two differ, it looks for the smallest network that still shows it.
//
//	Generate(seed) ──► Design ──► Case ──► Topology ──► Kernel.Build ──► Network.Record ──► lab.Verify
//	                     ▲                                                                      │
//	                     └──────────── parts taken out, as long as a difference stays ◄─────────┘
//
// A [Case] is one network and one flow as a text that people can read. Everything follows from the seed: the same seed
// gives the same networks, flows and order of shrinking.
package fuzz
