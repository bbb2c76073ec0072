package trace

import "strconv"

func itoa(n int) string { return strconv.Itoa(n) }

func hex(n uint32) string { return strconv.FormatUint(uint64(n), 16) }
