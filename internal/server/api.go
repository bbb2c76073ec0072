package server

import (
	"encoding/json"
	"errors"
	"net/http"
	"strings"

	"github.com/podpath/podpath/internal/checked"
	"github.com/podpath/podpath/internal/trace"
	"github.com/podpath/podpath/web/locales"
)

// apiError is an error of the API. Field and code are for programs; the message is the page's English sentence.
type apiError struct {
	Field   string            `json:"field,omitempty"`
	Code    string            `json:"code"`
	Args    map[string]string `json:"args,omitempty"`
	Message string            `json:"message"`
}

// apiDocument is a trace's document with what is known about it beside.
type apiDocument struct {
	*trace.Document
	Checked apiChecked `json:"checked"`
}

// apiChecked says whether a real kernel was asked about the trace. State is agrees, differs (differences counts them, first is
// one), others (compared of the network's packets were, agree of them agree, this one was not), skipped (notChecked says why),
// changed (the network or the walk is another since) or unchecked. imitated names what of the way is no Linux: the lab only
// had a stand-in for it. command checks the packet on one's own machine.
type apiChecked struct {
	State       checked.State  `json:"state"`
	Kernel      string         `json:"kernel,omitempty"`
	Date        string         `json:"date,omitempty"`
	Compared    int            `json:"compared,omitempty"`
	Agree       int            `json:"agree,omitempty"`
	Differences int            `json:"differences,omitempty"`
	First       string         `json:"first,omitempty"`
	NotChecked  []checked.Skip `json:"notChecked,omitempty"`
	Imitated    []string       `json:"imitated,omitempty"`
	Command     string         `json:"command"`
}

func (j *judged) api() apiChecked {
	out := apiChecked{State: j.State, Kernel: j.Kernel, Date: j.Date, Compared: j.Compared, Agree: j.Agree, NotChecked: j.lacking(), Command: strings.Join(j.command, " ")}
	if f := j.Flow; f != nil {
		out.Differences, out.First = f.Differences, f.First
	}
	if j.fabric {
		out.Imitated = []string{"fabric"}
	}
	return out
}

// apiTrace answers with the trace's document, by the same parameters as the page.
func (s *Server) apiTrace(w http.ResponseWriter, r *http.Request) {
	req := parse(r.URL.Query())
	s.preset(req)
	if len(req.errors) > 0 {
		writeErrors(w, http.StatusUnprocessableEntity, req.errors...)
		return
	}
	topo, doc, err := s.engine.Trace(r.Context(), req.Query)
	var j judged
	if err == nil {
		j, err = s.judgeQuery(r.Context(), req, topo, doc)
	}
	var field *FieldError
	switch {
	case errors.As(err, &field):
		writeErrors(w, http.StatusUnprocessableEntity, field)
	case isTimeout(err):
		writeErrors(w, http.StatusGatewayTimeout, &FieldError{Code: "timeout"})
	case err != nil:
		s.log.Error("trace failed", "url", r.URL.String(), "error", err)
		writeErrors(w, http.StatusInternalServerError, &FieldError{Code: "internal"})
	default:
		writeJSON(w, http.StatusOK, apiDocument{doc, j.api()})
	}
}

func writeErrors(w http.ResponseWriter, status int, errs ...*FieldError) {
	l := locales.New("en")
	var out []apiError
	for _, e := range errs {
		msg, ok := l.Lookup("field."+e.Code, e.Args)
		if !ok {
			msg = http.StatusText(status)
		}
		out = append(out, apiError{Field: e.Field, Code: e.Code, Args: e.Args, Message: msg})
	}
	writeAPIErrors(w, status, out...)
}

func writeAPIErrors(w http.ResponseWriter, status int, errs ...apiError) {
	writeJSON(w, status, struct {
		Errors []apiError `json:"errors"`
	}{errs})
}

func writeJSON(w http.ResponseWriter, status int, v any) {
	data, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		http.Error(w, http.StatusText(http.StatusInternalServerError), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = w.Write(append(data, '\n'))
}
