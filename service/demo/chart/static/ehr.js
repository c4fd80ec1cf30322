// Sends forms with `data-into` by fetch and puts the answer's HTML into that region; everything else is plain HTML.

const said = document.getElementById("said");
let appWasOpened = false;

async function send(form) {
  const region = document.getElementById(form.dataset.into);
  const fields = new URLSearchParams(new FormData(form));
  const mode = document.getElementById("mode");
  if (mode) fields.set("mode", mode.value);
  region.setAttribute("aria-busy", "true");
  try {
    const answer = await fetch(form.action, { method: "POST", body: fields });
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    const refusal = page.querySelector("main > *");
    region.replaceChildren(...(refusal ? [refusal] : page.body.childNodes));
    if (form.dataset.once !== undefined && answer.ok) {
      for (const button of form.querySelectorAll("button")) button.disabled = true;
      await refresh(["record", "drafts"]);
    }
    announce(region);
    if (form.dataset.auto === undefined) region.focus();
  } catch {
    region.textContent = "The demo EHR does not answer. Is it still running?";
  } finally {
    region.removeAttribute("aria-busy");
  }
}

// Takes parts of the chart from the server again: an accepted suggestion or the app may have changed them.
async function refresh(regions) {
  const page = new DOMParser().parseFromString(await (await fetch(location.href)).text(), "text/html");
  for (const id of regions) {
    const fresh = page.getElementById(id);
    if (fresh) document.getElementById(id)?.replaceChildren(...fresh.childNodes);
  }
}

function announce(region) {
  const titles = [...region.querySelectorAll("h3, .outcome > p:first-child, .nothing")];
  if (said) said.textContent = titles.map((title) => title.textContent.trim()).join(". ");
}

async function askAgain() {
  appWasOpened = false;
  await refresh(["record"]);
  document.querySelector("form[data-auto]")?.requestSubmit();
}

document.addEventListener("submit", (event) => {
  const form = event.target;
  if (form.dataset.into) {
    event.preventDefault();
    send(form);
    return;
  }
  appWasOpened ||= form.classList.contains("launch");
  document.getElementById(event.submitter?.dataset.open ?? "")?.showModal();
});

document.addEventListener("click", (event) => {
  document.getElementById(event.target.closest("[data-close]")?.dataset.close ?? "")?.close();
});

document.getElementById("app")?.addEventListener("close", () => {
  document.getElementById("advice").focus();
  askAgain();
});

document.addEventListener("visibilitychange", () => {
  if (appWasOpened && document.visibilityState === "visible") askAgain();
});

document.addEventListener("change", (event) => {
  if (event.target.id === "mode") event.target.form.requestSubmit();
});

for (const form of document.querySelectorAll("form[data-auto]")) send(form);
