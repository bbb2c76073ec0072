package templates

// CheckedView says whether a real kernel was asked about the trace.
type CheckedView struct {
	State   string // checked.State
	Text    string
	First   string   // the first difference, as the lab prints it
	Notes   []string // what was not checked
	Count   string   // how many of the flows agree
	Flows   []CheckedFlow
	Command []string // that checks the packet on one's own machine; a line may end behind each piece
	Open    bool     // nothing was checked: the command is what there is to say
}

// CheckedFlow is a packet that the lab was to send through the same network.
type CheckedFlow struct {
	Text    string
	Sent    []string // protocol, port, and what else is not a trace's default
	Result  string
	Why     string // of one that was not compared
	Href    string // of its trace; "": the page cannot send it
	Current bool   // it is the page's own
}
