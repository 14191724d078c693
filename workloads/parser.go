package workloads

import (
	"path/filepath"
	"slices"
	"strings"

	"vmasim/internal/linux"
	"vmasim/internal/suggest"
)

// Parse reads a scenario. name is what positions call the file. The error is an
// [ErrorList] with every mistake of the file; then there is no scenario.
func Parse(name string, src []byte) (*Scenario, error) {
	p := &parser{
		file: name,
		sc: &Scenario{
			Name: strings.TrimSuffix(filepath.Base(name), Extension),
			File: name,
			MMs:  []*MM{{Name: MainMM}},
		},
		broken: map[string]bool{},
	}
	top, description := splitLines(name, string(src), &p.errs)
	p.describe(description)
	for _, l := range top {
		p.top(l)
	}
	if len(top) == 0 {
		p.errs.addf(Pos{File: name, Line: 1, Col: 1}, "nothing to run, expected init or a thread")
	} else if p.sc.Init == nil && len(p.sc.Threads) == 0 && len(p.errs) == 0 {
		p.errs.addf(top[0].pos(name), "nothing to run, expected init or a thread")
	}
	resolve(p)
	if err := p.errs.err(); err != nil {
		return nil, err
	}
	return p.sc, nil
}

type parser struct {
	file string
	sc   *Scenario
	errs ErrorList
	// broken holds the words of lines that could not be read. They may have
	// declared a name, so a use of such a name is not called unknown.
	broken map[string]bool

	current cursor
	exprs   slab[Expr]
	stmts   slab[Stmt]
}

func (p *parser) describe(lines []string) {
	if len(lines) > 0 {
		p.sc.Title = lines[0]
		p.sc.Doc = strings.Join(trimBlank(lines[1:]), "\n")
	}
}

// cursor returns one that reads a line. There is only one at a time: who has read a line looks at no other before the lines
// below it.
func (p *parser) cursor(l *line) *cursor {
	c := &p.current
	*c = cursor{file: p.file, line: l, exprs: &p.exprs, toks: c.toks[:0]}
	c.toks, c.code = lexLine(l.text, c.toks)
	return c
}

// done ends a line: it must be used up. It reports whether the line was right.
func (p *parser) done(c *cursor, want string) bool {
	c.expectEnd(want)
	if c.err == nil {
		return true
	}
	p.errs = append(p.errs, c.err)
	for _, t := range c.toks {
		if t.kind == tokName {
			p.broken[t.text] = true
		}
	}
	return false
}

// keyword reads the first word of a line and finds what it means in place.
func (p *parser) keyword(c *cursor, place Place, where string) *Spec {
	t := c.next()
	if t.kind != tokName {
		c.unexpected(t, "a statement")
		return nil
	}
	spec := specByName(t.text)
	switch {
	case spec == nil:
		c.fail(c.posOf(t), "%s", suggest.Unknown("statement", t.text, keywordsIn(place), "a statement of docs/scenarios.md"))
	case spec.In&place == 0:
		c.fail(c.posOf(t), "%s does not belong %s, expected it %s", spec.Name, where, spec.In)
		return nil
	}
	return c.longer(spec)
}

// String tells where a statement of that place may stand.
func (p Place) String() string {
	switch {
	case p == InTop:
		return "at the left margin of the file"
	case p == InThread:
		return "in a thread"
	case p == InInit:
		return "in init"
	default:
		return "in init, a thread or finally"
	}
}

// top reads a line of the file's outermost level, and what is indented below.
func (p *parser) top(l *line) {
	c := p.cursor(l)
	spec := p.keyword(c, InTop, "at the left margin of the file")
	if spec == nil {
		p.done(c, "")
		p.orphans(p.body(l, inAny, BodyBlock))
		return
	}
	if spec.Body == NoBody {
		p.noBody(spec.Name, l)
	}
	pos := l.pos(p.file)
	switch spec.Kind {
	case KindInit, KindFinally:
		p.soleBlock(c, spec, l)
	case KindThread:
		p.thread(c, l)
	case KindNever, KindExists, KindAlways:
		p.question(c, spec, pos)
	case KindVerdict:
		p.verdict(c, pos)
	default:
		p.declaration(c, spec, pos)
	}
}

// soleBlock reads init or finally.
func (p *parser) soleBlock(c *cursor, spec *Spec, l *line) {
	place, block := InInit, &p.sc.Init
	if spec.Kind == KindFinally {
		place, block = InFinally, &p.sc.Finally
	}
	p.done(c, "the end of the line")
	if first := *block; first != nil {
		p.errs.addf(l.pos(p.file), "second %s block, expected its statements in the one of line %d", spec.Name, first.Pos.Line)
	}
	b := &Block{Pos: l.pos(p.file), Name: spec.Name, Body: p.block(l, spec.Name, place)}
	if *block == nil {
		*block = b
	} else {
		(*block).Body = append((*block).Body, b.Body...) // it may bind regions
	}
}

// orphans takes the statements of a block whose heading could not be read: what
// they would have bound is not unknown.
func (p *parser) orphans(body []*Stmt) {
	for s := range Statements(body) {
		if s.Region != nil {
			p.broken[s.Region.Name] = true
		}
	}
}

// maxTasks bounds the multiplier of a thread.
const maxTasks = 65536

func (p *parser) thread(c *cursor, l *line) {
	ref := c.newName("thread")
	t := &Thread{Block: Block{Pos: ref.Pos, Name: ref.Name}, MM: Ref{Pos: ref.Pos, Name: MainMM}, Count: 1}
	p.threadOptions(c, t)
	if !p.done(c, "[in MM] [* N] [background] or the end of the line") {
		p.broken[t.Name] = true
		t.Count = 2 // or more: its barriers are not lonely for this mistake
	}
	t.Body = p.block(l, "thread "+t.Name, InThread)
	p.sc.Threads = append(p.sc.Threads, t)
}

func (p *parser) threadOptions(c *cursor, t *Thread) {
	inGiven := false
	for {
		switch {
		case !inGiven && c.acceptWord("in"):
			inGiven, t.MM = true, c.name("address space")
		case !t.Multiplied && c.accept("*"):
			pos := c.pos()
			n := c.count("a number of tasks")
			if n < 1 || n > maxTasks {
				c.fail(pos, "%d tasks, expected 1 to %d", n, maxTasks)
			}
			t.Multiplied, t.Count = true, int(n)
		case !t.Background && c.acceptWord("background"):
			t.Background = true
		default:
			return
		}
	}
}

// block reads the statements below a line that needs some.
func (p *parser) block(l *line, what string, place Place) []*Stmt {
	if len(l.children) == 0 {
		p.errs.addf(l.pos(p.file), "%s is empty, expected statements indented below it", what)
	}
	return p.body(l, place, BodyBlock)
}

// body reads the statements below a line. It is never nil, so that a statement
// that holds others is known by its body.
func (p *parser) body(l *line, place Place, kind Body) []*Stmt {
	body := []*Stmt{}
	for _, child := range l.children {
		if s := p.statement(child, place, kind); s != nil {
			body = append(body, s)
		}
	}
	return body
}

func (p *parser) noBody(what string, l *line) {
	if len(l.children) > 0 {
		first := l.children[0]
		p.errs.addf(first.pos(p.file), "%s holds no block, expected this line no deeper than line %d", what, l.no)
	}
}

// duplicate complains if the name is taken.
func (p *parser) duplicate(what string, r Ref, first Pos) {
	if first.Line == 0 {
		p.errs.addf(r.Pos, "%s %q exists in every scenario, expected another name", what, r.Name)
		return
	}
	p.errs.addf(r.Pos, "%s %q is already declared in line %d, expected another name", what, r.Name, first.Line)
}

// declaration reads a line that states a property of the whole scenario.
func (p *parser) declaration(c *cursor, spec *Spec, pos Pos) {
	switch spec.Kind {
	case KindRules:
		rules := p.rules(c, pos)
		if first := p.sc.Rules; first != nil {
			c.twice("rules", first.Pos)
		}
		p.sc.Rules = rules
	case KindSeed:
		p.number(c, &p.sc.Seed, &Number{Pos: pos, Value: c.count("a seed")}, spec.Name)
	case KindMemory:
		p.number(c, &p.sc.Memory, &Number{Pos: pos, Value: p.positiveSize(c)}, spec.Name)
	case KindMM:
		p.mms(c)
	case KindFile:
		p.fileDecl(c, pos)
	case KindLimit:
		p.limit(c, pos)
	case KindMachine:
		p.machine(c, pos)
	case KindWindow:
		p.window(c, pos)
	case KindMay:
		p.may(c)
	case KindMemoryModel:
		p.memoryModel(c, pos)
	case KindSchedule:
		p.schedule(c, pos)
	case KindShow:
		p.show(c, pos)
	}
	p.done(c, "the end of the line")
}

// twice complains about a second statement of what may be stated once.
func (c *cursor) twice(what string, first Pos) {
	c.fail(c.line.pos(c.file), "%s is given twice, expected only the one of line %d", what, first.Line)
}

func (p *parser) number(c *cursor, field **Number, n *Number, what string) {
	if first := *field; first != nil {
		c.twice(what, first.Pos)
	}
	*field = n
}

func (p *parser) limit(c *cursor, pos Pos) {
	w := c.word("limit", limitWords)
	l := &Limit{Pos: pos, Kind: LimitKind(w.Value), Value: c.count("a number")}
	if c.err != nil {
		return
	}
	for _, first := range p.sc.Limits {
		if first.Kind == l.Kind {
			c.twice("limit "+w.Name, first.Pos)
		}
	}
	p.sc.Limits = append(p.sc.Limits, l)
}

// window reads SIZE [at ADDR].
func (p *parser) window(c *cursor, pos Pos) {
	w := &Window{Pos: pos, Base: DefaultWindowBase, Size: p.positiveSize(c)}
	at := c.pos()
	if c.acceptWord("at") {
		at = c.pos()
		w.Base, _ = c.size()
	}
	const lowest, highest = 0x10000, 0x7ffffffff000 // mmap_min_addr, TASK_SIZE
	if w.Size%linux.PageSize != 0 || w.Base%linux.PageSize != 0 || w.Base < lowest || w.Size > highest || w.Base > highest-w.Size {
		c.fail(at, "a window of %#x bytes at %#x, expected whole pages between %#x and %#x", w.Size, w.Base, uint64(lowest), uint64(highest))
	}
	if first := p.sc.Window; first != nil {
		c.twice("window", first.Pos)
	}
	p.sc.Window = w
}

func (p *parser) positiveSize(c *cursor) uint64 {
	pos := c.pos()
	n, _ := c.size()
	if n == 0 {
		c.fail(pos, "size of zero, expected %s", sizeHint)
	}
	return n
}

func (p *parser) mms(c *cursor) {
	for first := true; first || c.peek().kind == tokName; first = false {
		r := c.newName("address space")
		if i := slices.IndexFunc(p.sc.MMs, func(m *MM) bool { return m.Name == r.Name }); i >= 0 {
			p.duplicate("address space", r, p.sc.MMs[i].Pos)
			continue
		}
		p.sc.MMs = append(p.sc.MMs, &MM{Pos: r.Pos, Name: r.Name})
	}
}

func (p *parser) fileDecl(c *cursor, pos Pos) {
	r := c.newName("file")
	f := &File{Pos: r.Pos, Name: r.Name}
	switch {
	case c.acceptWord("path"):
		t := c.next()
		if t.kind != tokString || t.text == "" || strings.ContainsRune(t.text, 0) {
			c.unexpected(t, `a file name in quotes`)
		}
		f.Path, f.Mode = t.text, c.openMode()
	case c.peek().text == "temp" || c.peek().text == "memory":
		f.Memory = c.next().text == "memory"
		f.Size, f.Mode = p.positiveSize(c), linux.O_RDWR
		f.Pattern = c.acceptWord("pattern")
		f.Sealed = f.Memory && c.acceptWord("sealed")
		f.Hooks = c.acceptWord("hooks")
		f.Disk = !f.Memory && c.acceptWord("disk")
	case c.acceptWord("again"):
		of := c.name("file")
		f.Again, f.Mode = &of, c.openMode()
		of.Index = slices.IndexFunc(p.sc.Files, func(g *File) bool { return g.Name == of.Name })
		if of.Index < 0 && c.err == nil {
			c.fail(of.Pos, "file %q is not declared above, expected one that is", of.Name)
		}
		if of.Index >= 0 && p.sc.Files[of.Index].Special != 0 {
			c.fail(of.Pos, "file %q cannot be opened again, expected one with bytes of its own", of.Name)
		}
	case c.peekWord(specialWords):
		f.Special = Special(c.word("file", specialWords).Value)
		if f.Special == SpecialZero {
			f.Mode = c.openMode()
		}
	default:
		c.unexpected(c.peek(), `path "…", temp SIZE, memory SIZE, zero, pipe, closed or again FILE`)
	}
	if i := slices.IndexFunc(p.sc.Files, func(g *File) bool { return g.Name == f.Name }); i >= 0 && c.err == nil {
		p.duplicate("file", r, p.sc.Files[i].Pos)
		return
	}
	p.sc.Files = append(p.sc.Files, f)
}

// openMode reads how a file is opened: for reading if nothing is said.
func (c *cursor) openMode() int {
	for _, w := range openWords {
		if c.acceptWord(w.Name) {
			return w.Value
		}
	}
	return linux.O_RDONLY
}

// memoryModel reads what loads may see.
func (p *parser) memoryModel(c *cursor, pos Pos) {
	name, at := c.rest()
	if name == "" {
		c.fail(at, "no memory model, expected one such as views")
	}
	if first := p.sc.Model; first != nil {
		c.twice("memory-model", first.Pos)
	}
	p.sc.Model = &MemoryModel{Pos: pos, Name: name}
}

// schedule reads an interleaving, whose text may have blanks.
func (p *parser) schedule(c *cursor, pos Pos) {
	text, at := c.rest()
	if !strings.HasPrefix(text, "v") || strings.Count(text, ":") < 3 {
		c.fail(at, "%q is no schedule, expected v2:SCENARIO:RULES:TURNS as explore prints it", text)
	}
	if first := p.sc.Schedule; first != nil {
		c.twice("schedule", first.Pos)
	}
	p.sc.Schedule = &Schedule{Pos: pos, Text: text}
}

// rules reads GENERATION[,+RULE][,-RULE] in kebab case.
func (p *parser) rules(c *cursor, pos Pos) *Rules {
	text, at := c.rest()
	return &Rules{Pos: pos, Spec: c.ruleSpec(text, at)}
}

// ruleSpec reads the specification of rules in text, which begins at at.
func (c *cursor) ruleSpec(text string, at Pos) string {
	if text == "" {
		c.fail(at, "the line ends too early, expected a generation such as linux-6.18")
	}
	var words []string
	for word, wordPos := range commaWords(text, at) {
		plain := word
		if len(words) > 0 {
			plain = strings.TrimLeft(word[:min(1, len(word))], "+-") + word[min(1, len(word)):]
		}
		if !isKebab(plain) || (len(words) > 0 && plain == word) {
			c.fail(wordPos, "bad rules %q, expected GENERATION[,+RULE][,-RULE] such as linux-6.18,-detach-waits", word)
		}
		words = append(words, word)
	}
	return strings.Join(words, ",")
}

// question reads never, exists or always.
func (p *parser) question(c *cursor, spec *Spec, pos Pos) {
	q := &Question{Pos: pos, Kind: spec.Kind}
	if spec.Kind == KindNever {
		p.oracles(c, q)
	} else {
		q.Terms = append(q.Terms, c.term())
		for c.acceptWord("and") {
			q.Terms = append(q.Terms, c.term())
		}
	}
	if p.done(c, "and THREAD.N = RESULT or the end of the line") {
		p.sc.Questions = append(p.sc.Questions, q)
	}
}

func (p *parser) oracles(c *cursor, q *Question) {
	text, at := c.rest()
	q.Oracles = c.oracleList(text, at)
}

func (c *cursor) oracleList(text string, at Pos) (oracles []string) {
	for word, pos := range commaWords(text, at) {
		if !isKebab(word) {
			c.fail(pos, "bad oracle %q, expected words such as use-after-free, wrong-vma", word)
		}
		oracles = append(oracles, word)
	}
	return oracles
}

// term reads THREAD.N = RESULT.
func (c *cursor) term() *Term {
	const want = "THREAD.N = RESULT"
	t := c.numbered(want)
	c.expect("=", want)
	t.Result = c.results()
	return t
}

// numbered reads THREAD.N: a statement of a thread.
func (c *cursor) numbered(want string) *Term {
	t := &Term{Pos: c.pos(), Thread: c.name("thread")}
	c.expect(".", want)
	at := c.pos()
	n := c.count("the number of a statement")
	if n < 1 || n > mostStatements {
		c.fail(at, "no statement %d, expected one counted from 1", n)
	}
	t.Stmt = int(n)
	return t
}

// mostStatements bounds the number of a statement in its thread.
const mostStatements = 1 << 30

// commaWords visits the words of a comma-separated list that starts at pos.
func commaWords(list string, pos Pos) func(yield func(string, Pos) bool) {
	return func(yield func(string, Pos) bool) {
		for word := range strings.SplitSeq(list, ",") {
			trimmed := strings.TrimLeft(word, " \t")
			at := pos
			at.Col += len(word) - len(trimmed)
			if !yield(strings.TrimRight(trimmed, " \t"), at) {
				return
			}
			pos.Col += len(word) + 1
		}
	}
}

// isKebab accepts lower-case words joined by "-", with digits and dots, as
// rules, generations and oracles are called.
func isKebab(word string) bool {
	for part := range strings.SplitSeq(word, "-") {
		if part == "" || strings.Trim(part, "abcdefghijklmnopqrstuvwxyz0123456789.") != "" {
			return false
		}
	}
	return true
}
