// Package screen shows a step session in a terminal: the reader presses the letter of the task whose step comes next.
package screen

import (
	"context"
	"fmt"
	"strings"

	tea "charm.land/bubbletea/v2"
	"github.com/charmbracelet/x/ansi"

	"vmasim/classroom/step"
)

// model is what the screen shows, and what a key does to it.
type model struct {
	ctx           context.Context
	s             *step.Session
	title         string
	width, height int
	message       []step.Line        // of the last command
	page          []step.Line        // a page that covers the rest; nil: none
	top           int                // its first line that is shown
	shown         []string           // the last screen, but for its foot
	typing        bool               // a command line is being typed; otherwise keys are commands
	typed         string             // so far
	last          map[string]string  // by command, the line that was typed last
	cancel        context.CancelFunc // ends the command that is under way; nil: none is
	waiting       []tea.KeyPressMsg  // keys pressed meanwhile
}

// answered is what came of a command.
type answered struct {
	answer step.Answer
	err    error
}

// Run shows a session until the reader ends it, or ctx.
func Run(ctx context.Context, s *step.Session, title string, options ...tea.ProgramOption) error {
	m := newModel(ctx, s, title)
	if text := s.Misfit(); text != "" {
		m.say(text)
	}
	_, err := tea.NewProgram(m, append(options, tea.WithContext(ctx))...).Run()
	return err
}

func newModel(ctx context.Context, s *step.Session, title string) *model {
	return &model{ctx: ctx, s: s, title: title, last: map[string]string{}}
}

// Init implements [tea.Model].
func (m *model) Init() tea.Cmd { return nil }

// Update implements [tea.Model].
func (m *model) Update(msg tea.Msg) (tea.Model, tea.Cmd) {
	switch msg := msg.(type) {
	case tea.WindowSizeMsg:
		m.width, m.height = msg.Width, msg.Height
		m.s.Width = m.width
	case answered:
		return m, m.take(msg)
	case tea.KeyPressMsg:
		m.waiting = append(m.waiting, msg)
		return m, m.serve()
	}
	return m, nil
}

// serve performs the keys that wait, up to one that begins a command. While a command has the session only those that end it are heard.
func (m *model) serve() tea.Cmd {
	for len(m.waiting) > 0 {
		if m.cancel != nil {
			if last := m.waiting[len(m.waiting)-1].String(); last == "esc" || last == "ctrl+c" {
				m.waiting = nil
				m.cancel()
			}
			return nil
		}
		k := m.waiting[0]
		m.waiting = m.waiting[1:]
		if cmd := m.press(k.String(), k.Text); cmd != nil {
			return cmd
		}
	}
	return nil
}

// keys are those beside the letters of commands and tasks, and the command that each is.
var keys = map[string]string{"left": "undo", "right": "redo", "pgup": "undo 10", "pgdown": "redo 10", "home": "go 0", "?": "help"}

// press performs a key that has typed this text.
func (m *model) press(key, text string) tea.Cmd {
	switch {
	case key == "ctrl+c":
		return tea.Quit
	case m.page != nil:
		m.turn(key)
		return nil
	case m.typing:
		return m.edit(key, text)
	}
	m.message = nil
	switch {
	case key == ":":
		m.ask("")
		return nil
	case key == "end":
		return m.do(fmt.Sprintf("go %d", m.s.Len()))
	case keys[key] != "":
		return m.do(keys[key])
	case len(key) == 1 && key >= "A" && key <= "P":
		return m.do(key)
	}
	for _, c := range step.Commands() {
		switch {
		case c.Short == "" || key != c.Short:
		case c.Needs() || c.Name == "until" && m.s.At() == m.s.Len():
			m.ask(c.Name + " ")
			return nil
		default:
			return m.do(c.Name)
		}
	}
	m.say("the key " + key + " is none: ? lists them")
	return nil
}

// ask lets the reader type a command line that begins so.
func (m *model) ask(begin string) { m.typing, m.typed = true, begin }

func (m *model) say(text string) { m.message = []step.Line{{Text: text, Task: -1}} }

// edit is a key while a command line is typed.
func (m *model) edit(key, text string) tea.Cmd {
	switch key {
	case "esc":
		m.typing = false
	case "enter":
		m.typing = false
		name, words, _ := strings.Cut(strings.TrimSpace(m.typed), " ")
		switch {
		case words != "":
			m.last[name] = m.typed
		case m.last[name] != "" && name != "watch": // which alone lists what is watched
			m.typed = m.last[name]
		}
		return m.do(m.typed)
	case "backspace":
		if n := len(m.typed); n > 0 {
			m.typed = m.typed[:n-1]
		}
	case "space":
		m.typed += " "
	default:
		m.typed += text
	}
	return nil
}

// turn is a key while a page is shown.
func (m *model) turn(key string) {
	switch key {
	case "down", "j":
		m.top++
	case "up", "k":
		m.top--
	case "pgdown", "space":
		m.top += m.height - 2
	case "pgup":
		m.top -= m.height - 2
	default:
		m.page, m.top = nil, 0
		return
	}
	m.top = max(0, min(m.top, len(m.page)-1))
}

// do performs a command beside the screen, which goes on being shown: it may search.
func (m *model) do(line string) tea.Cmd {
	ctx, cancel := context.WithCancel(m.ctx)
	m.cancel = cancel
	return func() tea.Msg {
		answer, err := m.s.Do(ctx, line)
		return answered{answer, err}
	}
}

// take shows what came of a command.
func (m *model) take(a answered) tea.Cmd {
	m.cancel()
	m.cancel = nil
	var lines []step.Line
	for _, text := range a.answer.Lines {
		lines = append(lines, step.Line{Text: text, Task: -1})
	}
	switch {
	case a.err != nil:
		m.say(a.err.Error())
	case len(lines) > messageLines:
		m.page, m.top = lines, 0
	default:
		m.message = lines
	}
	if a.answer.Quit {
		return tea.Quit
	}
	return m.serve()
}

// prompt is the line at the foot of the screen.
func (m *model) prompt() string {
	switch {
	case m.cancel != nil:
		return "… esc ends the search"
	case m.page != nil:
		return "up, down: more   any other key: back"
	case m.typing:
		line := ":" + m.typed + "_"
		if last := m.last[strings.TrimSpace(m.typed)]; last != "" {
			line += "   (enter: " + last + ")"
		}
		return line
	}
	line, help := "A B… take a step", "  ? help"
	for _, key := range []string{"u", "r", "s", "n", "b", "t", "i", "v", "a", "w", "x", "m", "o", "f", "q"} {
		for _, c := range step.Commands() {
			if more := "  " + key + " " + c.Name; c.Short == key && ansi.StringWidth(line+more+help) <= m.width {
				line += more
			}
		}
	}
	return line + help
}
