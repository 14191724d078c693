// The explored run as a timeline, and files of runs, of which the one that was opened last stays until the reader returns to the run. What reads and draws
// timelines is packed in the page, and unpacked when the view is shown for the first time.

views.push({ name: "timeline", title: "Timeline", begin: showTimeline });
let timeline = null, timelineLoads = null;

async function loadTimeline() {
  await runPacked("timeline-script");
  timeline = new TimelineView($("view-timeline"), (step) => { view("run"); keep(); run("go " + step); }, () => { timeline.filed = false; showTimeline(); });
}

async function showTimeline() {
  await (timelineLoads ??= loadTimeline());
  if (timeline.filed) return timeline.draw();
  if (!whole?.steps.length) return timeline.say("There is no run yet: explore, or step, in the view Run. Or open a file of vmasim run --trace or --events, or drop one here.");
  if (timeline.of !== whole) timeline.show(ofRun(whole));
  timeline.of = whole;
  timeline.at = (place.at + 1) * stepTime; // behind the step
  timeline.draw();
}
