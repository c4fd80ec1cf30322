// Sends forms with `data-into` by fetch and puts the answer's HTML into that region; everything else is plain HTML.

const said = document.getElementById("said");

function say(text) {
  if (said) said.textContent = text;
}

async function send(form) {
  const region = document.getElementById(form.dataset.into);
  const fields = new URLSearchParams(new FormData(form));
  const mode = document.getElementById("mode");
  if (mode) fields.set("mode", mode.value);
  region.setAttribute("aria-busy", "true");
  try {
    const answer = await fetch(form.action, { method: "POST", body: fields });
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    const content = page.querySelector("main > *") ?? page.body;
    region.replaceChildren(...(content === page.body ? page.body.childNodes : [content]));
    if (form.dataset.once !== undefined && answer.ok) close(form);
    announce(region);
    if (form.dataset.auto === undefined) region.focus();
  } catch {
    region.textContent = "The demo EHR does not answer. Is it still running?";
  } finally {
    region.removeAttribute("aria-busy");
  }
}

// A card that was accepted or overridden takes no second decision of the same kind.
function close(form) {
  for (const button of form.querySelectorAll("button")) button.disabled = true;
}

function announce(region) {
  const titles = [...region.querySelectorAll("h3, .outcome > p:first-child, .nothing")];
  say(titles.map((title) => title.textContent.trim()).join(". "));
}

document.addEventListener("submit", (event) => {
  const form = event.target;
  if (form.dataset.into) {
    event.preventDefault();
    send(form);
  } else if (event.submitter?.dataset.open) {
    document.getElementById(event.submitter.dataset.open).hidden = false;
    document.getElementById(event.submitter.dataset.open).scrollIntoView();
  }
});

document.addEventListener("click", (event) => {
  const region = event.target.closest("[data-close]")?.dataset.close;
  if (region) document.getElementById(region).hidden = true;
});

document.addEventListener("change", (event) => {
  if (event.target.id === "mode") event.target.form.requestSubmit();
});

for (const form of document.querySelectorAll("form[data-auto]")) send(form);
