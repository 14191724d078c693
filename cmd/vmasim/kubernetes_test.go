package main

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"go.yaml.in/yaml/v3"
)

// job is what the manifest of docs/campaign.md uses of Kubernetes' batch/v1. Another field is an error.
type job struct {
	APIVersion string `yaml:"apiVersion"`
	Kind       string
	Metadata   struct{ Name string }
	Spec       struct {
		CompletionMode           string `yaml:"completionMode"`
		Completions, Parallelism int
		BackoffLimitPerIndex     int `yaml:"backoffLimitPerIndex"`
		PodFailurePolicy         struct {
			Rules []struct {
				Action      string
				OnExitCodes struct {
					Operator string
					Values   []int
				} `yaml:"onExitCodes"`
				OnPodConditions []struct{ Type string } `yaml:"onPodConditions"`
			}
		} `yaml:"podFailurePolicy"`
		Template struct {
			Spec struct {
				RestartPolicy                 string `yaml:"restartPolicy"`
				TerminationGracePeriodSeconds int    `yaml:"terminationGracePeriodSeconds"`
				Containers                    []struct {
					Name, Image   string
					Command, Args []string
					Resources     struct{ Requests map[string]string }
					VolumeMounts  []struct {
						Name      string
						MountPath string `yaml:"mountPath"`
					} `yaml:"volumeMounts"`
				}
				Volumes []struct {
					Name                  string
					PersistentVolumeClaim struct {
						ClaimName string `yaml:"claimName"`
					} `yaml:"persistentVolumeClaim"`
				}
			}
		}
	}
}

// manifest returns the Job that docs/campaign.md prints.
func manifest(t *testing.T) *job {
	t.Helper()
	text, err := os.ReadFile(moduleRoot + "/docs/campaign.md")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(text), "```yaml\n")
	block, _, _ := strings.Cut(rest, "```")
	d := yaml.NewDecoder(strings.NewReader(block))
	d.KnownFields(true)
	j := &job{}
	if err := d.Decode(j); err != nil {
		t.Fatal(err)
	}
	return j
}

// pod is the command of the Job's container for an index, with the volume at parts.
func (j *job) pod(index int, parts string) *exec.Cmd {
	c := &j.Spec.Template.Spec.Containers[0]
	words := slices.Concat(c.Command, c.Args)
	for i := range words {
		words[i] = strings.ReplaceAll(words[i], c.VolumeMounts[0].MountPath+"/", parts+"/")
	}
	cmd := exec.Command(words[0], words[1:]...)
	cmd.Env = append(os.Environ(), "JOB_COMPLETION_INDEX="+strconv.Itoa(index))
	return cmd
}

// exitStatus runs a command.
func exitStatus(t *testing.T, cmd *exec.Cmd) int {
	t.Helper()
	out, err := cmd.CombinedOutput()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatalf("%v: %v\n%s", cmd.Args, err, out)
	}
	return cmd.ProcessState.ExitCode()
}

// TestKubernetesJob runs what the Job of docs/campaign.md runs, for every index, without Kubernetes.
func TestKubernetesJob(t *testing.T) {
	j := manifest(t)
	s := &j.Spec
	pod := &s.Template.Spec
	if j.APIVersion != "batch/v1" || j.Kind != "Job" || s.CompletionMode != "Indexed" || s.Completions < 2 || s.Parallelism != s.Completions || pod.RestartPolicy != "Never" ||
		len(pod.Containers) != 1 || len(pod.Containers[0].VolumeMounts) != 1 || len(pod.Volumes) != 1 || pod.Containers[0].VolumeMounts[0].Name != pod.Volumes[0].Name {
		t.Fatalf("%+v", *j)
	}
	if _, err := os.Stat(pod.Containers[0].Command[0]); err != nil {
		t.Skipf("there is no %s", pod.Containers[0].Command[0])
	}
	dir := t.TempDir()
	vmasim := func(args ...string) string {
		out, err := exec.Command("vmasim", args...).Output()
		if err != nil {
			t.Fatalf("%v: %v\n%s", args, err, out)
		}
		return string(out)
	}
	search := regexp.MustCompile(`(?m)^(verdict .*|search .* executions.*steps|finished .*)`)
	searched := []string{"explore", "fork-parent", "--rules", "linux-6.18"}
	whole := vmasim(append(searched, "--checkpoint", filepath.Join(dir, "whole"))...)
	parts := filepath.Join(dir, "parts")
	vmasim(append(searched, "--split", strconv.Itoa(s.Completions), parts)...)
	for i := range s.Completions {
		if status := exitStatus(t, j.pod(i, parts)); status != 0 {
			t.Errorf("index %d: status %d", i, status)
		}
	}
	got, want := search.FindAllString(vmasim("merge", parts), -1), search.FindAllString(whole, -1)
	if len(want) != 3 || !slices.Equal(got, want) {
		t.Errorf("the parts come to %q, one process to %q", got, want)
	}
	if codes := s.PodFailurePolicy.Rules[0].OnExitCodes.Values; !slices.Contains(codes, exitStatus(t, j.pod(s.Completions, parts))) {
		t.Errorf("a part that is not there does not end with one of %v", codes)
	}

	broken := filepath.Join(dir, "broken.vma")
	if err := os.WriteFile(broken, []byte("rules refcount-v6\ninit\n\tmmap A 4K rw private anon\nthread reader\n\tlock A => ok | EAGAIN\nthread writer\n\tmunmap A\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	parts = filepath.Join(dir, "broken")
	vmasim("explore", broken, "--split", "1", parts)
	if status := exitStatus(t, j.pod(0, parts)); status != 0 {
		t.Errorf("a violation: status %d", status)
	}
}

// TestKubernetesEviction: a pod that gets the signal notes where its part stands.
func TestKubernetesEviction(t *testing.T) {
	j := manifest(t)
	if _, err := os.Stat(j.Spec.Template.Spec.Containers[0].Command[0]); err != nil {
		t.Skipf("there is no %s", j.Spec.Template.Spec.Containers[0].Command[0])
	}
	defer heed(syscall.SIGTERM)()
	dir := t.TempDir()
	parts := filepath.Join(dir, "parts")
	if out, err := exec.Command("vmasim", "explore", "foreign-put", "--rules", "linux-6.18", "--memory", "views:1", "--split", "2", parts).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	cmd := j.pod(1, parts)
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	time.Sleep(500 * time.Millisecond)
	_ = cmd.Process.Signal(syscall.SIGTERM)
	_ = cmd.Wait()
	if _, err := os.Stat(filepath.Join(parts, "1.state")); err != nil || cmd.ProcessState.ExitCode() != exitInterrupted {
		t.Errorf("status %d, %v\n%s", cmd.ProcessState.ExitCode(), err, &out)
	}
}
