package cluster

import (
	"encoding/json"
	"errors"
	"regexp"
	"strconv"
	"strings"

	kjson "sigs.k8s.io/json"
)

// What the decoders say, taken apart so that the field can be found again.
var (
	reLineIn = regexp.MustCompile(`\bline (\d+): `)
	reStrict = regexp.MustCompile(`(?s)^(unknown|duplicate) field "(.*)"$`)
	rePath   = regexp.MustCompile(`[^.\[\]]+|\[\d+\]`)
)

// decode reads one object strictly: a field that its type does not have is an error. What an API server of another version
// may have added to metadata and to a Node, of which little matters here, is passed over.
func decode[T any](r *objectReader, kind, name string, text []byte, at place) *T {
	x := new(T)
	who := strings.TrimSpace(kind + " " + name)
	strict, err := kjson.UnmarshalStrict(text, x)
	if err != nil {
		r.decodeError(err, at, who)
		return nil
	}
	for _, err := range strict {
		m := reStrict.FindStringSubmatch(err.Error())
		switch {
		case m == nil:
			r.bad(at.line(), who, "%v", err)
		case m[1] == "unknown" && (kind == "Node" || strings.HasPrefix(m[2], "metadata.") || kind == "Service" && strings.HasPrefix(m[2], "status.")):
		default:
			r.bad(at.line(pathOf(m[2])...), who+": "+m[2], "%s field", m[1])
		}
	}
	r.o.where[x] = at
	return x
}

// decodeError reports that a value has not its field's type.
func (r *objectReader) decodeError(err error, at place, who string) {
	var te *json.UnmarshalTypeError
	if errors.As(err, &te) {
		field := who
		if te.Field != "" {
			field = strings.TrimPrefix(who+": "+te.Field, ": ")
		}
		r.bad(at.line(pathOf(te.Field)...), field, "%s, want %s", jsonWord(te.Value), jsonWanted(te.Type.Kind().String()))
		return
	}
	r.bad(at.line(), who, "%s", strings.TrimPrefix(err.Error(), "json: "))
}

func jsonWord(value string) string {
	word, rest, _ := strings.Cut(value, " ")
	switch word {
	case "string":
		return "text"
	case "number":
		return strings.TrimSpace("a number " + rest)
	case "bool":
		return "true or false"
	case "object":
		return "a mapping"
	case "array":
		return "a list"
	}
	return value
}

func jsonWanted(kind string) string {
	switch {
	case strings.HasPrefix(kind, "int"), strings.HasPrefix(kind, "uint"):
		return "a whole number (" + kind + ")"
	case strings.HasPrefix(kind, "float"):
		return "a number"
	case kind == "string":
		return "text"
	case kind == "bool":
		return "true or false"
	case kind == "struct", kind == "map":
		return "a mapping"
	case kind == "slice":
		return "a list"
	}
	return kind
}

// pathOf takes a path such as `spec.ports[0].port` apart.
func pathOf(field string) []any {
	var path []any
	for _, p := range rePath.FindAllString(field, -1) {
		if p[0] == '[' {
			i, err := strconv.Atoi(p[1 : len(p)-1])
			if err != nil {
				return path // no index: more digits than a number has
			}
			path = append(path, i)
		} else {
			path = append(path, p)
		}
	}
	return path
}
