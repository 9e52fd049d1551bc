// Sends the bytes of a photograph to the program that served this page, and shows the answer as text.
"use strict";

const by = (id) => document.getElementById(id);
const drop = by("drop"), input = by("file"), state = by("state");
let asked = 0;

function rowOf(cells) {
  const row = document.createElement("tr");
  cells.forEach((text, index) => {
    const cell = document.createElement(index ? "td" : "th");
    if (!index) cell.scope = "row";
    cell.textContent = text;
    row.append(cell);
  });
  return row;
}

function flagOf(text) {
  const flag = document.createElement("span");
  flag.className = "flag";
  flag.textContent = text;
  return flag;
}

function show(answer, name) {
  const flags = answer.flags || [], numbers = answer.numbers || [], columns = answer.columns || [];
  const flagged = answer.status === "ok" && flags.length;
  by("badge").textContent = flagged ? "ok, but flagged" : answer.status;
  by("badge").className = `badge ${flagged ? "flagged" : answer.status}`;
  by("reason").textContent = answer.reason || "";
  by("name").textContent = name;
  by("size").textContent = answer.size || "";
  by("flags").replaceChildren(...flags.map(flagOf));
  by("numbers").tBodies[0].replaceChildren(...numbers.map(rowOf));
  by("columns").tBodies[0].replaceChildren(...columns.map(rowOf));
  by("numbers").hidden = !numbers.length;
  by("none").hidden = !!numbers.length;
  by("all").hidden = !columns.length;
  by("large").hidden = !answer.overlay;
  for (const [element, key] of [[by("overlay"), "src"], [by("large"), "href"]]) {
    if (answer.overlay) element[key] = answer.overlay; else element.removeAttribute(key);
  }
  by("answer").hidden = false;
}

async function measure(file) {
  const number = ++asked;
  by("answer").hidden = true;
  state.textContent = `Measuring ${file.name} …`;
  let answer;
  try {
    const body = new Blob([file], {type: "application/octet-stream"});
    const response = await fetch("measure", {method: "POST", body});
    answer = await response.json();
  } catch {
    answer = {status: "failed", reason: "The program did not answer. Is fundus-mtl serve still running?"};
  }
  if (number !== asked) return;  // another photograph was dropped in the meantime
  state.textContent = "";
  show(answer, file.name);
}

input.addEventListener("change", () => { if (input.files.length) measure(input.files[0]); input.value = ""; });
for (const kind of ["dragover", "dragleave", "drop"]) {
  window.addEventListener(kind, (event) => {
    event.preventDefault();
    drop.classList.toggle("over", kind === "dragover");
    if (kind === "drop" && event.dataTransfer.files.length) measure(event.dataTransfer.files[0]);
  });
}
