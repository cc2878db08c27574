// What the theme lets only a mouse press can be reached and pressed with the keyboard too, and says what it does.
"use strict";
(() => {
  const PRESSED = "[x-on\\:click]";
  const REACHED = "a[href], button, input, select, textarea, summary, [tabindex]";
  const WORDS = [
    [/sidebar/i, "Menu", "菜单"],
    [/openTheme/, "Colour scheme", "配色方案"],
    [/showPassword/, "Show the password", "显示密码"],
  ];
  const chinese = document.documentElement.lang.startsWith("zh");

  const mend = (one) => {
    if (one.matches(REACHED) || one.querySelector(REACHED) || !one.textContent.trim()) return;
    one.tabIndex = 0;
    one.setAttribute("role", "button");
    one.dataset.oteKey = "";
    // The name of an icon is no word.
    one.querySelectorAll(".material-symbols-outlined").forEach((icon) => icon.setAttribute("aria-hidden", "true"));
    const found = WORDS.find(([what]) => what.test(one.getAttribute("x-on:click")));
    if (found) one.setAttribute("aria-label", found[chinese ? 2 : 1]);
  };

  document.addEventListener("DOMContentLoaded", () => document.querySelectorAll(PRESSED).forEach(mend));
  document.addEventListener("keydown", (event) => {
    if (!event.target.matches("[data-ote-key]") || (event.key !== "Enter" && event.key !== " ")) return;
    event.preventDefault();
    event.target.click();
  });
})();
