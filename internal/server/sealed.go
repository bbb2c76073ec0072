package server

import (
	"encoding/base64"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strings"

	"github.com/go-chi/chi/v5"

	"github.com/podpath/podpath/internal/export"
	"github.com/podpath/podpath/internal/share"
	"github.com/podpath/podpath/web/templates"
)

// sealedVersion is the form of an encrypted link's content: twelve bytes of nonce, then what AES-GCM made of a plain link's
// content with them (web/src/sealed.ts). The key is in the link's fragment, which no server sees.
const sealedVersion = 1

// draft gives the content that a plain link would keep, and keeps nothing: what the browser encrypts.
func (s *Server) draft(w http.ResponseWriter, r *http.Request) error {
	if err := r.ParseForm(); err != nil {
		return bodyError(err)
	}
	v := r.PostForm
	s, err := s.ofForm(r, v)
	if err != nil {
		return err
	}
	req := parse(v)
	shell := s.shell(w, r, req, "/share")
	x, err := s.toShare(r.Context(), shell.L, req)
	if err != nil {
		return err
	}
	if x.doc == nil {
		return malformed{fieldErrors(x.errors)}
	}
	c, err := s.content(r.Context(), x, strings.TrimSpace(v.Get("title")), formNotes(v), shell.L.Lang)
	if err != nil {
		return err
	}
	data, err := c.Encode()
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	_, _ = w.Write(data)
	return nil
}

// keepSealed keeps what a browser has encrypted, and hands its link over. The script adds the key to it.
func (s *Server) keepSealed(w http.ResponseWriter, r *http.Request, v url.Values) error {
	data, err := base64.StdEncoding.DecodeString(v.Get("sealed"))
	if err != nil {
		return malformed{err}
	}
	receipt, err := s.links.Put(r.Context(), share.Link{Kind: share.Encrypted, Version: sealedVersion, Content: data, Expires: s.until()})
	if err != nil {
		return err
	}
	shell := s.shell(w, r, parse(v).plain(), "/share")
	href := "/s/" + receipt.ID.String()
	p := &templates.SharedPage{Shell: shell, Link: s.base(r) + href, Href: href, Key: receipt.Key.Text(), Expires: day(receipt.Expires), Sealed: true}
	p.Title = shell.L.T("share.done")
	w.Header().Set("Location", href)
	return render(w, r, http.StatusCreated, templates.Shared(p))
}

// sealed is the page of an encrypted link until the browser has opened it.
func (s *Server) sealed(w http.ResponseWriter, r *http.Request, f *frozenLink) error {
	shell := s.shell(w, r, parse(r.URL.Query()).plain(), "/s/"+f.id)
	shell.Title = shell.L.T("share.sealed")
	return render(w, r, http.StatusOK, templates.Sealed(&templates.SealedPage{Shell: shell, ContentHref: "/api/v1/links/" + f.id}))
}

// unsealed shows an encrypted link's trace, with the content that the browser sends once it has opened it. It is forgotten with
// the answer.
func (s *Server) unsealed(w http.ResponseWriter, r *http.Request) error {
	f, err := s.opened(r)
	if err != nil {
		return err
	}
	p, err := s.frozenPage(w, r, f)
	if err != nil {
		return err
	}
	return render(w, r, http.StatusOK, templates.Trace(p))
}

// unsealedFile gives it in a form for elsewhere.
func (s *Server) unsealedFile(w http.ResponseWriter, r *http.Request) error {
	form, ok := export.ByExt(chi.URLParam(r, "ext"))
	if !ok || form == export.PCAPNG {
		return errNotFound
	}
	f, err := s.opened(r)
	if err != nil {
		return err
	}
	asked, t, err := s.thaw(r, f)
	if err != nil {
		return err
	}
	return s.writeFile(w, t, form, fileName(asked))
}

// opened is an encrypted link with the content that came with the request.
func (s *Server) opened(r *http.Request) (*frozenLink, error) {
	f, err := s.open(r.Context(), chi.URLParam(r, "id"))
	if err != nil {
		return nil, err
	}
	if f.content != nil {
		return nil, malformed{errors.New("a plain link")} // a plain link is what is stored, not what somebody sends
	}
	data, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, bodyError(err)
	}
	return f, f.read(data)
}
