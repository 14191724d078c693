package browser

import (
	"encoding/json"
	"fmt"
	"os/exec"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
)

// quizOf returns what vmasim quiz says, with a right answer or another one.
func quizOf(t *testing.T, arguments ...string) (q struct {
	Question    []string
	Ask, Answer string
	Right       bool
	Why         []string
	Replay      string
}) {
	t.Helper()
	made, err := make()
	if err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command(made.vmasim, append([]string{"quiz", "--format", "json"}, arguments...)...).Output()
	if len(out) == 0 {
		t.Fatal(err) // else it was wrong
	}
	if err := json.Unmarshal(out, &q); err != nil {
		t.Fatal(err)
	}
	return q
}

// asked waits for the question of a kind or exercise, with a number.
func (b *browser) asked(name, seed string) {
	b.t.Helper()
	b.wait(`question && question.name === "` + name + `" && question.seed === "` + seed + `" && !$("quiz-question").hidden`)
}

// choose asks the question of a kind or exercise, with a number.
func (b *browser) choose(name, seed string) {
	b.t.Helper()
	b.do(chromedp.Evaluate(`$("quiz-name").value = "`+name+`"; $("quiz-seed").value = "`+seed+`"; $("quiz-which").requestSubmit()`, nil))
	b.asked(name, seed)
}

// answer gives an answer, and waits until it is marked.
func (b *browser) answer(text string) {
	b.t.Helper()
	value, _ := json.Marshal(text)
	b.do(chromedp.Evaluate(`{ mark(""); const radio = document.querySelector("#quiz-answer input[type=radio]"), all = [...document.querySelectorAll("#quiz-answer input")];
		if (radio) all.find((i) => i.value === `+string(value)+`).checked = true; else $("quiz-text").value = `+string(value)+`; $("quiz-check").click() }`, nil))
	b.wait(`$("quiz-mark").textContent !== ""`)
}

// TestQuizAsVmasim: the questions and the marks of the page are those of the command line, and the run that decides is opened.
func TestQuizAsVmasim(t *testing.T) {
	t.Parallel()
	b := open(t, hash(map[string]any{"n": "detach-race", "v": "quiz", "q": []string{"outcome", "7"}}), 1280, 720)
	b.asked("outcome", "7")
	b.shot("quiz-outcome-1280")
	wrong := map[string][]string{"verdict": {"violation", "verified"}, "outcome": {"yes", "no"}, "locks": {"yes", "no"}, "value": {"77"}, "layout": {"A..A+1000K rw-p"}, "break": {"A1"}}
	runs := 0
	for _, kind := range []string{"verdict", "outcome", "break", "rule", "value", "layout", "locks"} {
		b.do(chromedp.Evaluate(`window.t0 = performance.now()`, nil))
		b.choose(kind, "7")
		t.Logf("%s was drawn in %s ms", kind, b.text("Math.round(performance.now() - t0)"))
		right := quizOf(t, kind, "--seed", "7", "--solution")
		if lines := b.text(`question.lines.join("\n")`); lines != strings.Join(right.Question, "\n") || b.text("question.ask") != right.Ask {
			t.Errorf("%s: the page asks\n%s\nand vmasim\n%s", kind, lines, strings.Join(right.Question, "\n"))
		}
		answers := append([]string{right.Answer}, wrong[kind]...)
		if kind == "rule" {
			answers = strings.Split(right.Ask[strings.Index(right.Ask, "? ")+2:], ", ")
		}
		for _, answer := range answers {
			want := quizOf(t, kind, "--seed", "7", "--answer", answer)
			b.answer(answer)
			head := "wrong"
			if want.Right {
				head = "right"
			}
			said := b.text(`$("quiz-mark").textContent`)
			if !strings.Contains(said, head) || !strings.Contains(said, want.Why[0]) || !strings.Contains(said, want.Replay) {
				t.Errorf("%s: %s is marked %q, by vmasim %+v", kind, answer, said, want)
			}
			if want.Right || want.Replay == "" {
				continue
			}
			b.click("quiz-show")
			b.wait(`shown === "run" && place && place.len > 0 && place.at === place.len && $("verdict").className === "violation"`)
			if run := b.text("place.run"); !strings.Contains(want.Replay, run) {
				t.Errorf("%s: %s is shown, expected %s", kind, run, want.Replay)
			}
			if runs++; runs == 1 {
				b.shot("quiz-decides-1280")
			}
			b.click("quiz-return")
			b.wait(`shown === "quiz"`)
		}
	}
	if runs < 4 {
		t.Errorf("%d runs were shown", runs)
	}
	b.shot("quiz-locks-1280")
	b.click("quiz-solution")
	b.wait(`$("quiz-mark").textContent.includes("The answer is")`)
	link := b.text("location.hash")
	again := open(t, link, 390, 844)
	again.asked("locks", "7")
}

// TestExerciseFromStartToEnd: a student asks for hints, is wrong, sees why, is right, finds it in the list, and comes to the next.
func TestExerciseFromStartToEnd(t *testing.T) {
	t.Parallel()
	for _, size := range [][2]int{{1280, 720}, {390, 844}} {
		b := open(t, hash(map[string]any{"n": "detach-race", "t": "thread a\n    mmap 4K rw private anon\n"}), size[0], size[1])
		name := fmt.Sprint("-", size[0])
		b.do(chromedp.Evaluate(`[...document.querySelectorAll("#views button")].find((x) => x.textContent === "Quiz").click()`, nil))
		b.asked("ex01-one-fault", "1")
		b.click("quiz-check")
		b.wait(`$("quiz-mark").textContent.includes("No answer yet")`)
		b.click("quiz-hint")
		b.click("quiz-hint")
		if n := b.text(`$("quiz-hints").children.length`); n != "2" || b.text(`$("quiz-hint").disabled`) != "true" {
			t.Errorf("%s hints", n)
		}
		b.answer("perhaps")
		if said := b.text(`$("quiz-mark").textContent`); !strings.Contains(said, "no number") {
			t.Errorf("the page says %q", said)
		}
		b.answer("0x3")
		b.do(chromedp.Evaluate(`$("run").scrollIntoView()`, nil))
		b.shot("exercise-wrong" + name)
		b.click("quiz-show")
		b.wait(`shown === "run" && place && place.trace.steps[place.at - 1].new === "2"`)
		b.click("quiz-restore")
		b.wait(`$("text").value.startsWith("thread a") && $("scenario").value === "detach-race"`)
		b.do(chromedp.Evaluate(`view("quiz")`, nil))
		b.do(chromedp.Evaluate(`mark(""); $("quiz-text").value = "2"; $("quiz-text").focus()`, nil), chromedp.KeyEvent("\r"))
		b.wait(`$("quiz-mark").textContent.includes("right")`)
		if done := b.text(`document.querySelector("#quiz-exercises .done").textContent`); !strings.Contains(done, "one fault") {
			t.Errorf("done is %q", done)
		}
		b.shot("exercise-right" + name)
		b.click("quiz-next")
		b.asked("ex02-and-back", "1")
		if kept := b.text(`localStorage.getItem("vmasim quiz")`); !strings.Contains(kept, "ex01-one-fault") {
			t.Errorf("kept is %q", kept)
		}
		if wide := b.text("innerWidth"); wide != fmt.Sprint(size[0]) { // which grows with what does not fit
			t.Errorf("the page is %s wide", wide)
		}
	}
}

// TestBreakByHand: a student steps to a violation and hands in the run; and mends with the switches on the left.
func TestBreakByHand(t *testing.T) {
	t.Parallel()
	b := open(t, hash(map[string]any{"n": "detach-race", "v": "quiz", "q": []string{"ex06-december-2024", "1"}}), 1280, 720)
	b.asked("ex06-december-2024", "1")
	b.click("quiz-try")
	b.wait(`shown === "run" && place && place.at === 0`)
	if told := b.text(`$("prose").textContent + $("text").value`); strings.Contains(told, "violation") {
		t.Errorf("the answer is told: %s", told)
	}
	b.click2(`#next button:nth-child(1)`)
	b.shot("break-try-1280")
	b.click("quiz-hand-in")
	b.wait(`shown === "quiz" && $("quiz-mark").textContent.includes("after these 1 steps nothing is broken yet")`)
	b.do(chromedp.Evaluate(`view("run")`, nil))
	b.click("violation")
	b.wait(`place.over`)
	b.click("quiz-hand-in")
	b.wait(`shown === "quiz" && $("quiz-mark").textContent.includes("it breaks")`)
	b.shot("break-right-1280")
	b.choose("ex07-mend-it", "1")
	b.click("quiz-try")
	b.wait(`shown === "run" && place && place.rules === "refcount-v6"`)
	for _, step := range []struct{ rule, says string }{{"settle-before-put", "it still breaks"}, {"detach-waits", "verified"}} {
		b.do(chromedp.Evaluate(`view("quiz"); { const box = boxes().find((x) => x.value === "`+step.rule+`"); box.indeterminate = false; box.checked = true; box.dispatchEvent(new Event("change")) }
			$("quiz-hand").click(); $("quiz-check").click()`, nil))
		b.wait(`$("quiz-mark").textContent.includes("` + step.says + `")`)
	}
	b.shot("mend-right-1280")
}

// TestQuizStops: a question whose drawing or marking is stopped is no question, or is asked again for the next answer.
func TestQuizStops(t *testing.T) {
	t.Parallel()
	b := open(t, hash(map[string]any{"n": "detach-race", "v": "quiz", "q": []string{"ex07-mend-it", "1"}}), 1280, 720)
	b.asked("ex07-mend-it", "1")
	b.do(chromedp.Evaluate(`$("quiz-text").value = "refcount-v6,+detach-waits,+settle-before-put"; $("quiz-check").click(); $("quiz-stop").click()`, nil))
	b.wait(`$("quiz-mark").textContent.includes("Stopped")`)
	b.answer("refcount-v6,+detach-waits,+settle-before-put")
	b.wait(`$("quiz-mark").textContent.includes("right")`)
	b.do(chromedp.Evaluate(`$("quiz-seed").value = "18446744073709551616"; $("quiz-name").value = "verdict"; $("quiz-which").requestSubmit()`, nil))
	b.wait(`$("quiz-mark").textContent.includes("no number of a question")`)
}
