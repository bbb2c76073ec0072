package templates

import "strings"

// SharePage offers what can be done with a trace elsewhere: links, files, a frame for another page.
type SharePage struct {
	Shell
	Flow      string // the question in words
	TraceHref string // back to the trace
	Link      string // the trace's own address, whole
	// TooLong: the trace is of a network that no link can hold; there is none that asks again, and no frame.
	TooLong     bool
	Picture     string // its picture's; PictureDark is the same on a dark ground
	PictureDark string
	Station     string // what the picture shows
	Files       []FileLink
	Embed       string // the markup for another page
	EmbedHref   string
	// Present is the page that a room begins with, with its fragment; "" where there are no rooms.
	Present string
	// Freeze is the form of a frozen link; nil where this server keeps none.
	Freeze *FreezeForm
}

// FileLink is a form of the trace as a file; what it is for is the sentence `share.file-<Ext>`.
type FileLink struct{ Ext, Href, Download string }

// FreezeForm is what a sharer may add to what is kept.
type FreezeForm struct {
	Query   [][2]string // the question, as hidden fields
	Title   string
	Notes   []NoteField // of every station
	Current int         // the one that the link opens at
	Days    string      // after how many days links go; "": never
	Errors  []string
	// Input is the asker\'s own network, which goes out with it; "" for a preset.
	Input    string
	MaxTitle int
	MaxNote  int
}

// NoteField is a note on a station.
type NoteField struct {
	ID, Name, Label, Text string
}

// SharedPage hands a frozen link over.
type SharedPage struct {
	Shell
	// Sealed: the server cannot read what is kept; the script adds the key to the link.
	Sealed    bool
	Flow      string
	Link      string // whole
	Href      string // the same on this server
	Key       string
	Expires   string // the day; "": never
	Embed     string
	DeleteTo  string
	TraceHref string
}

// SealedPage is an encrypted link until the script has opened it.
type SealedPage struct {
	Shell
	ContentHref string // what is stored, as the API has it
}

// FrozenView is what stands beside a trace that was shared: whose words, when, and what today's engine says.
type FrozenView struct {
	Title   string
	Created string
	Expires string
	Engine  string
	// AgainHref asks today's engine; ShareHref leads to files of the trace as it was.
	AgainHref  string
	DeleteHref string
	Files      []FileLink
	Notes      map[string]string // by station
	// Drift is nil where today's engine says the same, or was not asked.
	Drift *DriftView
}

// DriftView is where today's engine says something else.
type DriftView struct {
	Engine  string // today's
	Outcome string // "" where it is the same
	// Failed: today's engine does not take the question any more; the text says why.
	Failed   string
	Stations []DriftStation
	More     int // further ones that are not listed
}

// DriftStation is one station then and now; a text is "" where the station was not, or is not, there.
type DriftStation struct {
	Title, Href, Was, Now string
}

// DeletePage asks for a link's key.
type DeletePage struct {
	Shell
	ID    string
	Href  string // the link
	Error string
}

// DeleteDone says that a link is gone, or that it opens still for others.
type DeleteDone struct {
	Shell
	Open bool
	Href string
}

// frozenTitle is the sharer's title, or the question.
func (p *TracePage) frozenTitle() string {
	if p.Frozen.Title != "" {
		return p.Frozen.Title
	}
	return p.Form.Summary
}

// lines are a note's.
func lines(text string) []string { return strings.Split(text, "\n") }
