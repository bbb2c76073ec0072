package server

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"github.com/go-chi/chi/v5"
	"github.com/go-chi/chi/v5/middleware"

	"github.com/podpath/podpath/internal/checked"
	"github.com/podpath/podpath/internal/lesson"
	"github.com/podpath/podpath/internal/share"
	"github.com/podpath/podpath/web/static"
)

// Limits of one request.
const (
	maxBody        = 64 << 10
	defaultTimeout = 10 * time.Second
)

// Config is what a server needs.
type Config struct {
	Engine  Engine
	Log     *slog.Logger  // nil: slog.Default
	Timeout time.Duration // of one request; 0: ten seconds
	// Checked are the presets' packets that went through a real kernel; nil: none.
	Checked *checked.Results
	// Links keeps what is shared; nil: nothing can be. TTL is how long; 0: until it is deleted.
	Links Links
	TTL   time.Duration
	Now   func() time.Time // nil: time.Now
	// Rooms are where one presents and others follow; nil: nowhere.
	Rooms Rooms
	// Public is the address that the server is reached by from outside, https://podpath.example; "": the one that a request
	// comes with.
	Public string
}

// Server serves the pages and the API.
type Server struct {
	engine  Engine
	log     *slog.Logger
	assets  *assets
	timeout time.Duration
	public  string
	links   Links
	rooms   Rooms
	// input is of a server that is for one request about the asker's own network; packed is the same as its link has it.
	input   *share.Input
	packed  string
	ttl     time.Duration
	now     func() time.Time
	checked *checked.Results
	lessons []*lesson.Lesson
	minis   *thumbnails
}

// New makes a server. It fails where an embedded asset is missing, so that a broken build is seen at the start.
func New(c Config) (*Server, error) {
	if c.Engine == nil {
		return nil, errors.New("server: no engine")
	}
	if len(c.Engine.Presets()) == 0 {
		return nil, errors.New("server: the engine has no presets")
	}
	a, err := newAssets(static.Files)
	if err != nil {
		return nil, fmt.Errorf("server: %w", err)
	}
	lessons, err := lesson.Read(lesson.Files())
	if err != nil {
		return nil, fmt.Errorf("server: %w", err)
	}
	s := &Server{engine: c.Engine, log: c.Log, assets: a, timeout: c.Timeout, public: strings.TrimRight(c.Public, "/"), links: c.Links, rooms: c.Rooms, ttl: c.TTL,
		now: c.Now, checked: c.Checked, lessons: lessons, minis: &thumbnails{}}
	if s.log == nil {
		s.log = slog.Default()
	}
	if s.now == nil {
		s.now = time.Now
	}
	if s.timeout == 0 {
		s.timeout = defaultTimeout
	}
	return s, nil
}

// Handler is the server's routes with everything around them.
func (s *Server) Handler() http.Handler {
	r := chi.NewRouter()
	r.Use(middleware.RequestID, s.recoverer, securityHeaders, middleware.GetHead)
	r.Use(middleware.Compress(5))
	r.NotFound(s.page(func(http.ResponseWriter, *http.Request) error { return errNotFound }))
	r.Get("/healthz", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, "ok") })
	r.Handle("/static/*", s.assets)
	r.Group(func(r chi.Router) {
		r.Use(middleware.RequestSize(maxBody), middleware.Timeout(s.timeout))
		r.Get("/", s.page(s.home))
		r.Get("/trace", s.own((*Server).trace))
		r.Get(embedPath, s.own((*Server).trace))
		r.Get("/trace.{ext}", s.own((*Server).export))
		r.Get("/trace/card.png", s.page(s.card))
		r.Get("/own", s.page(s.paste))
		r.Get("/r/{id}", s.page(s.room))
		r.Get("/oembed", s.page(s.oembed))
		r.Get("/compare", s.own((*Server).compare))
		r.Get("/node", s.own((*Server).node))
		r.Get("/lessons", s.page(s.lessonList))
		r.Get("/lessons/{id}", s.page(s.lesson))
		r.Get("/maxpods", s.page(s.maxPods))
		r.Get("/questions", s.page(s.questions))
		r.Get("/questions/{id}", s.page(s.question))
		r.Get("/api/v1/trace", s.apiTrace)
		r.Get("/share", s.own((*Server).share))
		r.Get("/s/{id:[0-9A-Za-z]+}", s.page(s.frozen))
		r.Get("/s/{id:[0-9A-Za-z]+}"+embedPath, s.page(s.frozen))
		r.Get("/s/{id:[0-9A-Za-z]+}.{ext}", s.page(s.frozenFile))
		r.Get("/s/{id}/card.png", s.page(s.frozenCard))
		r.Get("/s/{id}/delete", s.page(s.deleteLink))
		r.Post("/s/{id}/delete", s.page(s.deleteLink))
		r.Get("/s/{id}", s.page(func(http.ResponseWriter, *http.Request) error { return share.ErrNotFound })) // with something that no id has
		r.Get("/api/v1/links/{id}", s.apiLink)
		r.Delete("/api/v1/links/{id}", s.apiDeleteLink)
	})
	r.Group(func(r chi.Router) {
		r.Use(middleware.RequestSize(maxInput), middleware.Timeout(s.timeout))
		r.Post("/trace", s.own((*Server).trace))
		r.Post("/compare", s.own((*Server).compare))
		r.Post("/node", s.own((*Server).node))
		r.Post(embedPath, s.own((*Server).trace))
		r.Post("/trace.{ext}", s.own((*Server).export))
	})
	r.Get("/r/{id}/events", s.events) // as long as the room lasts
	r.Group(func(r chi.Router) {
		r.Use(middleware.RequestSize(maxPresented), middleware.Timeout(s.timeout))
		r.Post("/r", s.page(s.openRoom))
		r.Post("/r/{id}/present", s.page(s.present))
		r.Post("/r/{id}/end", s.page(s.endRoom))
	})
	r.Group(func(r chi.Router) {
		r.Use(middleware.RequestSize(share.MaxContent), middleware.Timeout(s.timeout))
		r.Post("/s/{id:[0-9A-Za-z]+}", s.page(s.unsealed))
		r.Post("/s/{id:[0-9A-Za-z]+}.{ext}", s.page(s.unsealedFile))
	})
	r.Group(func(r chi.Router) {
		r.Use(middleware.RequestSize(maxShare), middleware.Timeout(s.timeout))
		r.Post("/share", s.page(s.postShare))
		r.Post("/share/draft", s.page(s.draft))
		r.Post("/api/v1/links", s.apiShare)
	})
	cross := http.NewCrossOriginProtection()
	return cross.Handler(r)
}

// isTimeout says whether an error only means that the request took too long or went away.
func isTimeout(err error) bool {
	return errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled)
}
