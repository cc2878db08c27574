// The overview updates itself; what has the keyboard's focus keeps it.
"use strict";
(() => {
  const EVERY = 5000;
  const shown = document.getElementById("overview");
  const age = document.getElementById("overview-age");
  let last = shown.innerHTML;

  const put = (html) => {
    const inside = shown.contains(document.activeElement) ? [...shown.querySelectorAll("a")].indexOf(document.activeElement) : -1;
    shown.innerHTML = last = html;
    if (inside >= 0) shown.querySelectorAll("a")[inside]?.focus({ preventScroll: true });
  };

  const look = async () => {
    if (document.hidden) return;
    try {
      const answer = await fetch(shown.dataset.url, { credentials: "same-origin", redirect: "manual" });
      if (answer.type === "opaqueredirect") { location.reload(); return; } // logged out meanwhile
      if (!answer.ok) throw new Error(answer.status);
      const html = await answer.text();
      if (html !== last) put(html);
      age.textContent = shown.dataset.asOf.replace("{time}", new Date().toLocaleTimeString(document.documentElement.lang));
      age.classList.remove("ote-stale");
    } catch {
      age.classList.add("ote-stale"); // the time before it says since when
    }
  };

  setInterval(look, EVERY);
  document.addEventListener("visibilitychange", look);
})();
