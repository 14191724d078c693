package workloads

import (
	"testing"

	"vmasim/internal/linux"
)

func TestExpect(t *testing.T) {
	ok := Outcome{}
	seven := Outcome{Value: 7}
	einval := Outcome{Kind: ResultErrno, Errno: linux.EINVAL}
	enomem := Outcome{Kind: ResultErrno, Errno: linux.ENOMEM}
	maperr := Outcome{Kind: ResultSegvMaperr}
	accerr := Outcome{Kind: ResultSegvAccerr}
	sigbus := Outcome{Kind: ResultSigbus}
	all := []Outcome{ok, seven, einval, enomem, maperr, accerr, sigbus}

	for stated, allowed := range map[string][]Outcome{
		"":                     {ok, seven},
		"=> ok":                {ok, seven},
		"=> any":               all,
		"=> EINVAL":            {einval},
		"=> ok | ENOMEM":       {ok, seven, enomem},
		"=> SEGV":              {maperr, accerr},
		"=> SEGV_MAPERR":       {maperr},
		"=> SEGV_ACCERR":       {accerr},
		"=> SIGBUS | 7":        {sigbus, seven},
		"=> $i+4":              {seven},
		"=> 0 | 0x7 | SEGV":    {ok, seven, maperr, accerr},
		"=> B":                 {}, // not mapped: equals nothing
		"=> A.size - A.size+7": {seven},
	} {
		sc := mustParse(t, "init\n  mmap A 4K r private anon\n  mmap B 4K r private anon\nthread t\n  load A "+stated+"\n")
		env := sc.Threads[0].NewEnv(1, 3, []Region{{1 << 20, 4096}})
		for _, o := range all {
			want := false
			for _, a := range allowed {
				want = want || a == o
			}
			if got := sc.Threads[0].Body[0].Expect.Allows(o, env); got != want {
				t.Errorf("%q allows %v (value %d): %v", stated, o, o.Value, got)
			}
		}
	}
}

func TestOutcomeString(t *testing.T) {
	for want, o := range map[string]Outcome{
		"ok":          {},
		"EAGAIN":      {Kind: ResultErrno, Errno: linux.EAGAIN},
		"SEGV_ACCERR": {Kind: ResultSegvAccerr},
		"SIGBUS":      {Kind: ResultSigbus},
		"SEGV_KERNEL": {Kind: ResultSegvKernel},
	} {
		if got := o.String(); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}
