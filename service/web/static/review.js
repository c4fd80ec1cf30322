// The app's only script: shows the what-if answer while somebody fills in the form, copies and prints.
// Without it the same page works by its buttons.

const DELAY_MS = 250;

function watch(form) {
  const place = document.getElementById("what-if");
  const button = form.querySelector("[data-what-if-button]");
  let timer = 0;
  let running = null;
  button.hidden = true;

  async function ask() {
    running?.abort();
    running = new AbortController();
    place.setAttribute("aria-busy", "true");
    const entries = new URLSearchParams(new FormData(form));
    entries.set("part", "fragment");
    try {
      const answer = await fetch(form.dataset.whatIf, { method: "POST", body: entries, signal: running.signal });
      // Parsed apart from this page: scripts in it would not run, and the server has escaped every text.
      const page = new DOMParser().parseFromString(await answer.text(), "text/html");
      const found = page.querySelector(".what-if-answer, main");
      if (found) place.replaceChildren(...document.adoptNode(found).childNodes);
    } catch (fault) {
      if (fault.name === "AbortError") return;
      place.textContent = "What if: the answer could not be had. Your entries are still in the form.";
    }
    place.removeAttribute("aria-busy");
  }

  form.addEventListener("input", () => {
    clearTimeout(timer);
    timer = setTimeout(ask, DELAY_MS);
  });
  if ([...new FormData(form)].some(([name, text]) => text && !/^(csrf|seen:.*|entered-on)$/.test(name))) ask();
}

function offerCopy(button) {
  const said = button.parentElement.querySelector("[data-copied]");
  button.hidden = false;
  button.addEventListener("click", async () => {
    const field = document.getElementById(button.dataset.copy);
    try {
      await navigator.clipboard.writeText(field.value);
      said.textContent = "Copied.";
    } catch {
      field.closest("details")?.setAttribute("open", "");
      field.select();
      said.textContent = document.execCommand("copy") ? "Copied." : "Press Ctrl+C to copy the marked text.";
    }
  });
}

document.querySelectorAll("[data-what-if]").forEach(watch);
document.querySelectorAll("[data-copy]").forEach(offerCopy);
document.querySelectorAll("[data-print]").forEach((button) => {
  button.hidden = false;
  button.addEventListener("click", () => print());
});
document.querySelector("#saved, #alert")?.focus();
