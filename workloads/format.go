package workloads

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"vmasim/internal/linux"
)

// String gives the scenario in canonical form: parsed again, it is the same.
// Of the comments only the description is kept.
func (s *Scenario) String() string {
	f := &formatter{}
	f.description(s)
	f.header(s)
	if s.Init != nil {
		f.gap()
		f.block("init", s.Init.Body)
	}
	for _, t := range s.Threads {
		f.gap()
		f.block(t.heading(), t.Body)
	}
	if s.Finally != nil {
		f.gap()
		f.block("finally", s.Finally.Body)
	}
	for i, q := range s.Questions {
		if i == 0 {
			f.gap()
		}
		f.line(q.String())
	}
	for i, v := range s.Verdicts {
		if i == 0 {
			f.gap()
		}
		f.line(v.String())
	}
	return f.String()
}

type formatter struct {
	strings.Builder
	depth int
}

func (f *formatter) line(words ...string) {
	f.WriteString(strings.Repeat("    ", f.depth))
	sep := ""
	for _, w := range words {
		if w != "" {
			f.WriteString(sep + w)
			sep = " "
		}
	}
	f.WriteByte('\n')
}

// gap leaves a blank line, but none at the top and no second one.
func (f *formatter) gap() {
	if f.Len() > 0 && !strings.HasSuffix(f.String(), "\n\n") {
		f.line()
	}
}

func (f *formatter) description(s *Scenario) {
	if s.Title == "" {
		return
	}
	f.line("#", s.Title)
	if s.Doc != "" {
		f.line("#")
		for text := range strings.SplitSeq(s.Doc, "\n") {
			f.line("#", text)
		}
	}
	f.line()
}

func (f *formatter) header(s *Scenario) {
	if s.Rules != nil {
		f.line("rules", s.Rules.Spec)
	}
	if s.Seed != nil {
		f.line("seed", strconv.FormatUint(s.Seed.Value, 10))
	}
	if s.Memory != nil {
		f.line("memory", formatSize(s.Memory.Value, false))
	}
	for _, m := range s.MMs[1:] {
		f.line("mm", m.Name)
	}
	for _, file := range s.Files {
		f.line(file.String())
	}
	for _, l := range s.Limits {
		f.line("limit", wordByValue(limitWords, l.Kind), strconv.FormatUint(l.Value, 10))
	}
	for _, m := range s.Machine {
		f.line("machine", m.String())
	}
	if w := s.Window; w != nil {
		f.line("window", formatSize(w.Size, false), "at", formatSize(w.Base, true))
	}
	for _, c := range s.May {
		f.line("may", c.Name)
	}
	if s.Model != nil {
		f.line("memory-model", s.Model.Name)
	}
	if s.Show != nil {
		f.line("show", strings.Join(s.Show.Oracles, ", "))
	}
	if s.Schedule != nil {
		f.line("schedule", s.Schedule.Text)
	}
}

func (f *formatter) block(heading string, body []*Stmt) {
	f.line(heading)
	f.depth++
	for _, s := range body {
		f.statement(s)
	}
	f.depth--
}

func (f *formatter) statement(s *Stmt) {
	f.block(s.String(), s.Body)
	f.depth++
	for _, a := range s.Picture {
		f.line(a.String())
	}
	f.depth--
}

func (t *Thread) heading() string {
	words := "thread " + t.Name
	if t.MM.Name != MainMM {
		words += " in " + t.MM.Name
	}
	if t.Multiplied {
		words += fmt.Sprintf(" * %d", t.Count)
	}
	if t.Background {
		words += " background"
	}
	return words
}

// String is the declaration of the file.
func (f *File) String() string {
	var what string
	mode := wordByValue(openWords, f.Mode)
	if f.Mode == linux.O_RDONLY {
		mode = "" // what is meant if nothing is said
	}
	switch {
	case f.Path != "":
		what = fmt.Sprintf("path %q", f.Path)
	case f.Again != nil:
		what = "again " + f.Again.Name
	case f.Special != 0:
		what = wordByValue(specialWords, f.Special)
	default:
		what, mode = "temp", ""
		if f.Memory {
			what = "memory"
		}
		what += " " + formatSize(f.Size, false)
		if f.Pattern {
			what += " pattern"
		}
		if f.Sealed {
			what += " sealed"
		}
		if f.Hooks {
			what += " hooks"
		}
		if f.Disk {
			what += " disk"
		}
	}
	return strings.TrimRight(fmt.Sprintf("file %s %s %s", f.Name, what, mode), " ")
}

// String is the statement's line, without what is indented below it.
func (s *Stmt) String() string {
	var words []string
	if s.Weight > 1 {
		words = append(words, strconv.FormatUint(s.Weight, 10)+":")
	}
	words = append(words, s.Kind.String())
	for _, a := range s.Spec().args {
		words = append(words, parts[a].write(s)...)
	}
	if s.Expect != nil {
		words = append(words, "=>", s.Expect.String())
	}
	return strings.Join(words, " ")
}

func optional(e *Expr) []string {
	if e == nil {
		return nil
	}
	return []string{e.String()}
}

func (s *Stmt) mapOptions() (words []string) {
	if s.Addr != nil {
		words = append(words, "at", s.Addr.String())
	}
	return append(words, flagWords(mapWords, s.Flags)...)
}

func (s *Stmt) moveOptions() (words []string) {
	if s.To != nil {
		words = append(words, "at", s.To.String())
	}
	words = append(words, flagWords(moveWords, s.Flags)...)
	if s.Region != nil {
		words = append(words, "as", s.Region.Name)
	}
	return words
}

// flagWords gives the words for flags, and a number for those that have none.
func flagWords(words []Word, flags int) (out []string) {
	for _, w := range words {
		if flags&w.Value == w.Value {
			out = append(out, w.Name)
			flags &^= w.Value
		}
	}
	if flags != 0 {
		out = append(out, rawFlags, formatSize(uint64(flags), true))
	}
	return out
}

func (b *Backing) source() string {
	switch {
	case b.File == nil && b.Offset == nil:
		return anonymous
	case b.File == nil:
		return anonymous + " +" + b.Offset.String()
	case b.Offset == nil:
		return "file " + b.File.Name
	default:
		return "file " + b.File.Name + " +" + b.Offset.String()
	}
}

// String is the line of the picture.
func (a *Area) String() string {
	span := a.Start.String() + ".." + a.End.String()
	if a.Hole {
		return span + " hole"
	}
	return strings.Join([]string{span, a.Prot.String(), a.Backing.Sharing.String(), a.Backing.source()}, " ")
}

// String is the question as it is written.
func (q *Question) String() string {
	if q.Kind == KindNever {
		return "never " + strings.Join(q.Oracles, ", ")
	}
	terms := make([]string, len(q.Terms))
	for i, t := range q.Terms {
		terms[i] = fmt.Sprintf("%s.%d = %v", t.Thread.Name, t.Stmt, t.Result)
	}
	return q.Kind.String() + " " + strings.Join(terms, " and ")
}

// String writes the expression without blanks.
func (e *Expr) String() string {
	switch e.Op {
	case ExprConst:
		return formatSize(e.Value, e.Hex)
	case ExprBase:
		return e.Region.Name
	case ExprEnd:
		return e.Region.Name + ".end"
	case ExprSize:
		return e.Region.Name + ".size"
	case ExprIndex:
		return "$i"
	case ExprDraw:
		return e.drawString()
	}
	x, y := e.X.String(), e.Y.String()
	if e.X.precedence() < e.precedence() {
		x = "(" + x + ")"
	}
	if e.Y.precedence() <= e.precedence() {
		y = "(" + y + ")"
	}
	return x + map[ExprOp]string{ExprAdd: "+", ExprSub: "-", ExprMul: "*"}[e.Op] + y
}

func (e *Expr) precedence() int {
	switch e.Op {
	case ExprAdd, ExprSub:
		return 1
	case ExprMul:
		return 2
	default:
		return 3
	}
}

func (e *Expr) drawString() string {
	name := generatorSpecs[e.Draw.Kind].Name
	switch {
	case e.Draw.Kind == DrawStrided:
		return fmt.Sprintf("%s(%s, %s)", name, e.Region.Name, formatSize(e.Draw.Stride, false))
	case e.Draw.Kind == DrawZipf && e.Draw.Skew != DefaultSkew:
		return fmt.Sprintf("%s(%s, %g)", name, e.Region.Name, e.Draw.Skew)
	default:
		return fmt.Sprintf("%s(%s)", name, e.Region.Name)
	}
}

// formatSize writes n with the largest unit that divides it.
func formatSize(n uint64, hex bool) string {
	if hex {
		return fmt.Sprintf("0x%x", n)
	}
	for i := len(sizeUnits) - 1; i >= 0 && n > 0; i-- {
		if u := sizeUnits[i]; n>>u.shift<<u.shift == n {
			return fmt.Sprintf("%d%c", n>>u.shift, u.letter)
		}
	}
	return strconv.FormatUint(n, 10)
}

// formatDuration writes d as [time.Duration.String] does, in ASCII.
func formatDuration(d time.Duration) string {
	return strings.Replace(d.String(), "µ", "u", 1)
}
