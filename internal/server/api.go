package server

import (
	"encoding/json"
	"errors"
	"net/http"

	"github.com/podpath/podpath/web/locales"
)

// apiError is an error of the API. Field and code are for programs; the message is the page's English sentence.
type apiError struct {
	Field   string            `json:"field,omitempty"`
	Code    string            `json:"code"`
	Args    map[string]string `json:"args,omitempty"`
	Message string            `json:"message"`
}

// apiTrace answers with the trace's document, by the same parameters as the page.
func (s *Server) apiTrace(w http.ResponseWriter, r *http.Request) {
	req := parse(r.URL.Query())
	s.preset(req)
	if len(req.errors) > 0 {
		writeErrors(w, http.StatusUnprocessableEntity, req.errors...)
		return
	}
	_, doc, err := s.engine.Trace(r.Context(), req.Query)
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
		writeJSON(w, http.StatusOK, doc)
	}
}

func writeErrors(w http.ResponseWriter, status int, errs ...*FieldError) {
	l := locales.New("en")
	out := struct {
		Errors []apiError `json:"errors"`
	}{}
	for _, e := range errs {
		msg, ok := l.Lookup("field."+e.Code, e.Args)
		if !ok {
			msg = http.StatusText(status)
		}
		out.Errors = append(out.Errors, apiError{Field: e.Field, Code: e.Code, Args: e.Args, Message: msg})
	}
	writeJSON(w, status, out)
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
