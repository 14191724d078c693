// The right of the page: one of several views at a time.

// views are those that there are: the element view-NAME is shown, and begin is called when it is.
const views = [{ name: "run", title: "Run" }];
let shown = "run";

// view shows one of them.
function view(name) {
  shown = views.some((v) => v.name === name) ? name : "run";
  document.documentElement.dataset.view = shown;
  for (const v of views) $("view-" + v.name).hidden = v.name !== shown;
  $("views").hidden = views.length < 2;
  const focused = $("views").contains(document.activeElement);
  $("views").replaceChildren(...views.map((v) => element("button", { type: "button", "aria-pressed": String(v.name === shown), onclick: () => { view(v.name); keep(); } }, v.title)));
  if (focused) $("views").querySelector("[aria-pressed=true]").focus();
  views.find((v) => v.name === shown).begin?.();
}
