package templates

import (
	"strconv"

	"github.com/a-h/templ"

	"github.com/podpath/podpath/internal/maxpods"
	"github.com/podpath/podpath/web/locales"
)

// MaxPodsInput is what the calculator of pods shows: what was asked, and the result of it or what is wrong with it.
type MaxPodsInput struct {
	L      *locales.Printer
	Type   string // as it was typed
	Prefix bool
	Custom bool
	Result *maxpods.Result   // nil where the type is not known
	Errors map[string]string // by parameter: type, mode, custom
	Near   []LinkView        // what an unknown type may have meant
	// Known are the types that the field suggests; Count is how many it takes.
	Known    []string
	Count    int
	Examples []LinkView // types to look at; the one that is shown has no address
	Hidden   []Choice   // other parameters of the page's address
	// Embedded: the calculator stands on another page, in a section of its own. It then has a heading, and what is changed
	// swaps only itself. MoreHref leads to its own page.
	Embedded bool
	MoreHref string
}

// MaxPodsView is the calculator, ready to be shown.
type MaxPodsView struct {
	MaxPodsInput
	Limits     string // of the type, in a line
	Big        string
	Total      string
	Capped     string // "" where no ceiling is in the way
	Raised     string // what the number needs; "" for nothing
	Why        []string
	Caption    string
	Rows       []SlotRow
	Dense      bool // there are too many slots to write into
	Fine       bool // and so many that they have to be small
	Key        []SlotKey
	Appliers   []ApplierView
	Takes      []TakeView
	TakesNotes []string
}

// SlotRow is an ENI with its slots.
type SlotRow struct {
	Name  string
	Slots []SlotView
	Off   bool // not attached
}

// SlotView is one slot; its text only shows where there is room.
type SlotView struct{ Class, Text string }

// SlotKey explains a kind of slot.
type SlotKey struct{ Class, Text string }

// ApplierView is who says how many, and what.
type ApplierView struct {
	Name       string
	Sets, Most int // 0: not known
	Says       []string
}

// TakeView is what is attached, and how many addresses that is.
type TakeView struct{ What, Count string }

// MaxPodsPage is the page around the calculator.
type MaxPodsPage struct {
	Shell
	Calc *MaxPodsView
	// Answers are questions of the page that no form answers.
	Answers []AnswerView
}

// AnswerView is a question, the answer, and where it has more parts a list and an example.
type AnswerView struct {
	Question, Answer string
	List             []string
	Sample           string
}

// NewMaxPods makes the view.
func NewMaxPods(in MaxPodsInput) *MaxPodsView {
	v := &MaxPodsView{MaxPodsInput: in}
	if in.Result == nil {
		return v
	}
	v.number()
	v.drawing()
	v.tables()
	return v
}

func (v *MaxPodsView) t(id string, pairs ...string) string { return v.L.T("maxpods."+id, pairs...) }

// mode is a sentence's key, of which there is one for each address mode.
func (v *MaxPodsView) mode(id string) string {
	if v.Result.Prefixes() {
		return id + "-prefix"
	}
	return id
}

// number is the big one, and where it comes from.
func (v *MaxPodsView) number() {
	r, t := v.Result, &v.Result.Type
	v.Limits = v.t("limits", "enis", itoa(t.ENIs), "ips", itoa(t.IPv4)) + " · " + v.t("vcpus-"+string(t.VCPUSource), "n", itoa(t.VCPUs))
	switch {
	case t.BareMetal:
		v.Limits += " · " + v.t("bare-metal")
	case t.Hypervisor == "nitro":
		v.Limits += " · Nitro"
	default:
		v.Limits += " · Xen"
	}
	v.Total = itoa(r.Formula)
	small, large := r.Either()
	v.Big = itoa(small)
	if small != large {
		v.Big = v.t("either", "small", itoa(small), "large", itoa(large))
	}
	if v.Big != v.Total {
		v.Capped = v.Big
	}
	if r.Raised() {
		v.Raised = v.t("until-raised", "n", itoa(r.ByItself()))
	}
	for _, x := range r.Why() {
		v.Why = append(v.Why, v.L.Args("maxpods-why."+x.Code, x.Args))
	}
}

// An ENI's slots are written into up to roomy of them, and small from many on.
const (
	roomy = 15
	many  = 50
)

var slotClass = map[maxpods.SlotState]string{maxpods.Used: "use", maxpods.Warm: "warm", maxpods.Beyond: "cut", maxpods.NoPods: "none"}

func (v *MaxPodsView) drawing() {
	r := v.Result
	busy := r.Subnet.Busy
	v.Caption = v.t(v.mode("draw"), "pods", itoa(busy.Pods), "enis", itoa(busy.ENIs), "all", itoa(r.Type.ENIs), "slots", itoa(busy.Slots))
	v.Dense, v.Fine = r.Slots > roomy, r.Slots >= many
	seen := map[maxpods.SlotState]bool{}
	pod := 0
	for i, slots := range r.Drawing() {
		row := SlotRow{Name: "ENI" + strconv.Itoa(i)}
		own := SlotView{Class: "slot pri", Text: "IP"}
		if slots[0].State == maxpods.Beyond {
			own = SlotView{Class: "slot cut"}
			row.Off = true
		}
		row.Slots = append(row.Slots, own)
		for _, s := range slots {
			seen[s.State] = true
			x := SlotView{Class: "slot " + slotClass[s.State]}
			switch {
			case s.State != maxpods.Used:
			case !r.Prefixes():
				pod++
				x.Text = itoa(pod)
			case s.Addresses == maxpods.PrefixSize:
				x.Text = "/28"
			default:
				x.Class += " part"
				x.Text = itoa(s.Addresses) + "/16"
			}
			row.Slots = append(row.Slots, x)
		}
		v.Rows = append(v.Rows, row)
	}
	v.Key = append(v.Key, SlotKey{"slot pri", v.t("key-own")})
	for _, k := range []struct {
		state maxpods.SlotState
		key   string
	}{{maxpods.Used, v.mode("key-used")}, {maxpods.Warm, "key-warm"}, {maxpods.Beyond, "key-beyond"}, {maxpods.NoPods, "key-none"}} {
		if seen[k.state] {
			v.Key = append(v.Key, SlotKey{"slot " + slotClass[k.state], v.t(k.key)})
		}
	}
}

func (v *MaxPodsView) tables() {
	r := v.Result
	for _, a := range r.Appliers {
		x := ApplierView{Name: v.t("who-" + string(a.Who)), Sets: a.Sets, Most: a.Most}
		for _, s := range r.Says(a) {
			x.Says = append(x.Says, v.L.Args("maxpods-who."+s.Code, s.Args))
		}
		v.Appliers = append(v.Appliers, x)
	}
	s := r.Subnet
	take := func(n int, key string, pairs ...string) {
		v.Takes = append(v.Takes, TakeView{What: v.t(key, pairs...), Count: itoa(n)})
	}
	if s.Own > 0 {
		take(s.Own, "subnet-own")
	}
	take(s.PerENI, v.mode("subnet-eni"), "slots", itoa(r.Slots))
	take(s.Full, "subnet-full", "enis", itoa(r.ENIs))
	take(s.Busy.Addresses, v.mode("subnet-busy"), "pods", itoa(s.Busy.Pods), "enis", itoa(s.Busy.ENIs), "slots", itoa(s.Busy.Slots))
	v.TakesNotes = append(v.TakesNotes, v.t(v.mode("subnet-note")))
	if s.Own > 0 {
		v.TakesNotes = append(v.TakesNotes, v.t("subnet-note-custom"))
	}
}

// nodeConfig sets max pods by hand (AMI nodeadm/test/e2e/cases/custom-max-pods-expression/scenarios/kubelet-config-max-pods).
const nodeConfig = `apiVersion: node.eks.aws/v1alpha1
kind: NodeConfig
spec:
  kubelet:
    config:
      maxPods: 110`

// NewMaxPodsPage makes the page around a calculator.
func NewMaxPodsPage(shell Shell, calc *MaxPodsView) *MaxPodsPage {
	p := &MaxPodsPage{Shell: shell, Calc: calc}
	for _, q := range []string{"formula", "ceiling", "128", "prefix", "raise", "nodeadm"} {
		a := AnswerView{Question: calc.t("q-" + q)}
		if q != "raise" {
			a.Answer = calc.t("a-" + q)
		} else {
			for _, n := range []string{"1", "2", "3", "4"} {
				a.List = append(a.List, calc.t("a-raise-"+n))
			}
			a.Sample = nodeConfig
		}
		p.Answers = append(p.Answers, a)
	}
	return p
}

// maxPodsSwap is what a change of the form swaps: the body, so that the header's links come along, or the calculator alone.
func maxPodsSwap(embedded bool) templ.Attributes {
	a := templ.Attributes{"hx-get": "/maxpods", "hx-trigger": "change, submit", "hx-swap": "outerMorph", "hx-sync": "this:replace"}
	if embedded {
		a["hx-target"] = "#maxpods"
	} else {
		a["hx-target"], a["hx-push-url"] = "body", "true"
	}
	return a
}

// maxPodsType are the attributes of the type's field.
func maxPodsType(v *MaxPodsView) templ.Attributes {
	if m := v.Errors["type"]; m != "" {
		return invalid("type", m)
	}
	return templ.Attributes{"aria-describedby": "mp-hint"}
}
