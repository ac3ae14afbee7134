"use strict";
// One picture of many at a time, with a slider and a button that plays them.
for (const box of document.querySelectorAll(".frames")) {
  const frames = [...box.querySelectorAll("figure")];
  if (frames.length < 2) continue;
  const controls = document.createElement("div");
  const play = document.createElement("button");
  const slider = document.createElement("input");
  const label = document.createElement("output");
  controls.className = "controls";
  play.type = "button";
  slider.type = "range";
  slider.min = 0;
  slider.max = frames.length - 1;
  slider.setAttribute("aria-label", box.dataset.label);
  let timer = null;
  function show(number) {
    frames.forEach((frame, index) => { frame.hidden = index !== number; });
    slider.value = number;
    label.textContent = frames[number].querySelector("figcaption").textContent;
    slider.setAttribute("aria-valuetext", label.textContent);
  }
  function stop() {
    clearInterval(timer);
    timer = null;
    play.textContent = "play";
  }
  function advance() {
    const next = Number(slider.value) + 1;
    if (next < frames.length) show(next);
    else if ("loop" in box.dataset) show(0);
    else stop();
  }
  play.addEventListener("click", () => {
    if (timer !== null) { stop(); return; }
    if (Number(slider.value) === frames.length - 1) show(0);
    timer = setInterval(advance, Number(box.dataset.milliseconds));
    play.textContent = "pause";
  });
  slider.addEventListener("input", () => { stop(); show(Number(slider.value)); });
  controls.append(play, slider, label);
  box.before(controls);
  box.classList.add("one");
  stop();
  show("loop" in box.dataset ? 0 : frames.length - 1);
}
// A table is sorted by a click on the head of a column; empty cells stay last.
for (const table of document.querySelectorAll("table.sortable")) {
  const body = table.tBodies[0];
  [...table.tHead.rows[0].cells].forEach((head, column) => {
    const button = document.createElement("button");
    button.type = "button";
    button.append(...head.childNodes);
    head.append(button);
    button.addEventListener("click", () => {
      const up = head.getAttribute("aria-sort") !== "ascending";
      for (const other of table.tHead.rows[0].cells) other.removeAttribute("aria-sort");
      head.setAttribute("aria-sort", up ? "ascending" : "descending");
      const value = (row) => {
        const cell = row.cells[column];
        return "value" in cell.dataset ? cell.dataset.value : cell.textContent.trim();
      };
      const rows = [...body.rows].sort((one, other) => {
        const [a, b] = [value(one), value(other)];
        if (a === "" || b === "") return (a === "") - (b === "");
        const [x, y] = [Number(a), Number(b)];
        const numbers = !Number.isNaN(x) && !Number.isNaN(y);
        const order = numbers ? x - y : a.localeCompare(b, undefined, { numeric: true });
        return up ? order : -order;
      });
      body.append(...rows);
    });
  });
}
