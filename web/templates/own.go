package templates

// UnpackPage stands where a link's network is in its fragment, until the script has sent it.
type UnpackPage struct {
	Shell
	PasteHref string
}

// OwnPage takes a network of one's own.
type OwnPage struct {
	Shell
	Href string // the trace page of it; the script adds the fragment
}

// LinkMost is how long a link with an input may be, in characters: longer ones are cut by chat programs and mailers on the way.
// The page keeps such an input in the browser, and offers a frozen link.
const LinkMost = 16000
