"use strict";
// Shows the panels of the chosen profile and layout, and draws a chart when it is first seen: a hidden one has no width.
(() => {
  const charts = JSON.parse(document.getElementById("charts").textContent);
  const profile = document.getElementById("profile");
  const layout = document.getElementById("layout");
  const dark = matchMedia("(prefers-color-scheme: dark)");

  function draw(root) {
    for (const place of root.querySelectorAll(".chart:not([data-drawn])")) {
      if (place.closest("[hidden]")) continue;
      place.dataset.drawn = "";
      vegaEmbed(place, charts[place.dataset.chart], { renderer: "svg", actions: false, tooltip: { theme: dark.matches ? "dark" : "light" } })
        .then(() => { place.dataset.drawn = "done"; });
    }
  }

  function layoutsOf(name) {
    const panels = document.querySelectorAll(`.panel[data-profile="${CSS.escape(name)}"][data-layout]`);
    return [...new Set([...panels].map((panel) => panel.dataset.layout))];
  }

  function show() {
    const known = layoutsOf(profile.value);
    for (const option of layout.options) option.disabled = !known.includes(option.value);
    if (!known.includes(layout.value)) layout.value = known[0];
    for (const panel of document.querySelectorAll(".panel")) {
      const other = panel.dataset.layout !== undefined && panel.dataset.layout !== layout.value;
      panel.hidden = panel.dataset.profile !== profile.value || other;
    }
    for (const part of document.querySelectorAll("[data-layout-only]")) part.hidden = part.dataset.layoutOnly !== layout.value;
    document.getElementById("shown").textContent = `Showing ${profile.selectedOptions[0].text}, ${layout.value} layout`;
    draw(document);
  }

  function colourMesh(event) {
    const panel = event.target.closest(".panel");
    for (const variant of panel.querySelectorAll("[data-variant]")) variant.hidden = variant.dataset.variant !== event.target.value;
    draw(panel);
  }

  profile.addEventListener("change", show);
  layout.addEventListener("change", show);
  for (const choice of document.querySelectorAll(".choice input")) choice.addEventListener("change", colourMesh);

  // On paper every table is open.
  let closed = [];
  addEventListener("beforeprint", () => {
    closed = [...document.querySelectorAll("details:not([open])")];
    for (const details of closed) details.open = true;
  });
  addEventListener("afterprint", () => { for (const details of closed) details.open = false; });

  show();
})();
