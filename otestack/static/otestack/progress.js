// Live progress of what carries data-deployment. Without a stream the page stays as it was served.
"use strict";
(() => {
  const UNDER_WAY = [0, 1, 3, 4]; // statuses
  const AGAIN_MS = 5000;
  const DELETION = 4; // the kind of a change: its clusters are those that let go
  const source = document.querySelector("[data-events]");
  if (!source || !window.EventSource) return;
  let stream = null;
  let followed = "";

  const shown = () => [...document.querySelectorAll("[data-deployment]")];

  const say = (element, name, text) => {
    const place = element.querySelector(`[data-say="${name}"]`);
    if (place) place.textContent = text;
  };

  const show = (element, event) => {
    const { ready, total } = event.clusters;
    const bar = element.querySelector("progress");
    if (bar && total && event.deployType !== DELETION) bar.value = Math.floor((100 * ready) / total);
    say(element, "clusters", `${ready} / ${total}`);
    say(element, "pods", `${event.pods.running} / ${event.pods.error} / ${event.pods.total}`);
    say(element, "message", event.message);
    const before = element.dataset.status;
    element.dataset.status = event.status;
    if (before !== undefined && before !== String(event.status) && !UNDER_WAY.includes(event.status)) {
      element.querySelector("[data-again]")?.removeAttribute("hidden"); // the rest of the page is older than this
    }
  };

  const follow = () => {
    const ids = [...new Set(shown().map((element) => element.dataset.deployment))].sort();
    const wanted = ids.map((id) => `id=${encodeURIComponent(id)}`).join("&");
    if (wanted === followed) return;
    stream?.close();
    followed = wanted;
    if (!wanted) return;
    const opened = new EventSource(`${source.dataset.events}?${wanted}`);
    opened.addEventListener("progress", (message) => {
      const event = JSON.parse(message.data);
      for (const element of shown()) if (element.dataset.deployment === String(event.deployId)) show(element, event);
    });
    opened.addEventListener("end", () => opened.close());
    opened.addEventListener("error", () => {
      // The browser tries again by itself, but not after an answer such as a proxy's 502 while the server starts anew.
      if (opened.readyState !== EventSource.CLOSED || stream !== opened) return;
      setTimeout(() => {
        if (stream !== opened) return;
        followed = "";
        follow();
      }, AGAIN_MS);
    });
    stream = opened;
  };

  follow();
  // The overview puts itself anew every few seconds.
  if (source.id === "overview") new MutationObserver(follow).observe(source, { childList: true });
})();
