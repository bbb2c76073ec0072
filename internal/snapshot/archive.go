package snapshot

import "bytes"

// splitArchive splits one txtar text into its pieces: a piece begins behind a line `-- name --` and ends before the next
// such line. What stands before the first is a comment. Line ends may be Windows'. (The txtar modules are not used here:
// one of them panics on a line such as `-- --`, which is no marker but in what people paste.)
func splitArchive(data []byte) []file {
	var out []file
	start := 0
	for at := 0; at < len(data); {
		end := len(data)
		if i := bytes.IndexByte(data[at:], '\n'); i >= 0 {
			end = at + i + 1
		}
		if name, ok := marker(data[at:end]); ok {
			if n := len(out); n > 0 {
				out[n-1].data = data[start:at]
			}
			out = append(out, newFile(name, nil))
			start = end
		}
		at = end
	}
	if n := len(out); n > 0 {
		out[n-1].data = data[start:]
	}
	return out
}

// marker reads a line `-- name --`.
func marker(line []byte) (string, bool) {
	line = bytes.TrimRight(line, "\r\n")
	name, ok := bytes.CutPrefix(line, []byte("-- "))
	if !ok {
		return "", false
	}
	if name, ok = bytes.CutSuffix(name, []byte(" --")); !ok {
		return "", false
	}
	name = bytes.TrimSpace(name)
	return string(name), len(name) > 0
}
