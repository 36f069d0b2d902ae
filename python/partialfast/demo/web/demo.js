// The page of `partialfast demo --web`: draws what `Answer` says. All that the model writes gets
// into the page as text, never as markup.
import { Answer, isComplete } from "./partialfast.js";

const $ = (id) => document.getElementById(id);
const { schema, prompt, title, editable, where } = await (await fetch("form.json")).json();
const encoder = new TextEncoder();
const sizeOf = (text) => encoder.encode(text).length;
const bytes = (n) => (n < 1000 ? `${n} B` : `${(n / 1000).toFixed(n < 10_000 ? 2 : 1)} kB`);
const words = (name) => name.replaceAll("_", " ").replace(/^./, (c) => c.toUpperCase());

$("form-title").textContent = words(title);
$("where").textContent = `A form that fills in while the model writes · ${where}`;
$("prompt").value = prompt;
$("prompt").readOnly = !editable;

let answer = null;
let figures = null;

// The form, made of the schema, so that what has not begun has its place.

const make = (tag, props = {}, ...children) => {
  const node = Object.assign(document.createElement(tag), props);
  node.append(...children);
  return node;
};
const resolved = (part) => (part.$ref ? schema.$defs[part.$ref.split("/").at(-1)] : part);

function field(name, path) {
  const value = make("span", { className: "value" });
  const tick = make("span", { className: "tick", role: "img" });
  const node = make("div", { className: "field" }, make("span", { className: "name", textContent: words(name) }), value, tick);
  let last = {};
  return { node, update(state, item) {
    const mark = item === undefined ? "waiting" : isComplete(state, path) ? "complete" : "writing";
    if (last.item === item && last.mark === mark) return;
    last = { item, mark };
    node.dataset.mark = mark;
    value.textContent = item === undefined ? "" : typeof item === "number" ? item.toLocaleString("en") : String(item);
    tick.setAttribute("aria-label", mark);
  } };
}

function group(parts, path) {
  const fields = Object.entries(parts.properties).map(([name, part]) => {
    const inner = resolved(part);
    return [name, inner.type === "array" ? list(name, inner, [...path, name]) : field(name, [...path, name])];
  });
  return { nodes: fields.map(([, each]) => each.node), update(state, value) {
    for (const [name, each] of fields) {
      each.update(state, value && Object.hasOwn(value, name) ? value[name] : undefined);
    }
  } };
}

function list(name, part, path) {
  const items = make("ul", { className: "items" });
  const head = make("div", { className: "title" }, make("span", { textContent: words(name) }), make("span"));
  const ghost = make("li", { className: "item ghost", textContent: "none yet" });
  const node = make("div", { className: "list" }, head, items);
  items.append(ghost);
  const shown = [];
  return { node, update(state, value) {
    const count = value?.length ?? 0;
    head.dataset.mark = value === undefined ? "waiting" : isComplete(state, path) ? "complete" : "writing";
    head.lastChild.textContent = count ? String(count) : "";
    while (shown.length < count) {
      const inner = group(resolved(part.items), [...path, shown.length]);
      const item = make("li", { className: "item" }, ...inner.nodes);
      items.insertBefore(item, ghost);
      shown.push({ item, inner });
    }
    while (shown.length > count) shown.pop().item.remove();
    shown.forEach(({ item, inner }, index) => {
      item.dataset.mark = isComplete(state, [...path, index]) ? "complete" : "writing";
      inner.update(state, value[index]);
    });
    ghost.hidden = count > 0;
    ghost.style.display = count > 0 ? "none" : "";
  } };
}

const form = group(schema, []);
$("form").replaceChildren(...form.nodes);

// How many of the fields are complete: those of lists count together.

function progress(state) {
  const names = Object.keys(schema.properties);
  return names.filter((name) => isComplete(state, [name])).length / names.length;
}

// What to say to those who listen: a field when it is complete, never a letter.

let told = new Set();
function tell(state) {
  const news = [];
  for (const name of Object.keys(schema.properties)) {
    if (told.has(name) || !isComplete(state, [name])) continue;
    told.add(name);
    const value = state.value[name];
    news.push(`${words(name)}: ${Array.isArray(value) ? `${value.length} entries` : value}`);
  }
  if (state.outcome) news.push(state.message);
  if (news.length) $("said").textContent = news.join(". ");
}

// The value as JSON, with what is being written marked.

function drawJson(state) {
  const pre = $("json");
  const text = state.value === undefined ? "" : JSON.stringify(state.value, null, 2);
  const open = state.outcome ? undefined : state.path.reduce((value, step) => value?.[step], state.value);
  const tail = typeof open === "string" ? JSON.stringify(open) : "";
  const at = tail ? text.lastIndexOf(tail) : -1;
  if (at < 0) pre.textContent = text;
  else pre.replaceChildren(text.slice(0, at), make("mark", { textContent: tail }), text.slice(at + tail.length));
  pre.scrollTop = pre.scrollHeight;
  $("path").textContent = state.outcome ? "" : state.path.join(".");
}

function drawOps(line) {
  if (!line.startsWith("data:") && !line.startsWith("event:")) return;
  if (line.startsWith("event:")) return;
  const text = line.slice(5).trimStart();
  const kind = text.startsWith('"') ? "append" : text.startsWith("[") ? "set" : text.includes('"outcome"') ? "end" : "at";
  const pre = $("ops");
  pre.append(make("span", { className: `op-${kind}`, textContent: `${text}\n` }));
  pre.scrollTop = pre.scrollHeight;
}

async function listen(body) {
  let rest = "";
  for await (const text of body.pipeThrough(new TextDecoderStream())) {
    const lines = (rest + text).split("\n");
    rest = lines.pop();
    lines.forEach(drawOps);
  }
}

function draw(state) {
  form.update(state, state.value);
  $("form").setAttribute("aria-busy", String(!state.outcome));
  const share = progress(state);
  const bar = document.querySelector(".progress");
  bar.setAttribute("aria-valuenow", share.toFixed(2));
  bar.firstChild.style.width = `${share * 100}%`;
  drawJson(state);
  tell(state);
  const status = $("status");
  status.dataset.kind = state.outcome ? (state.outcome === "complete" ? "complete" : "bad") : "open";
  status.textContent = state.outcome ?? (state.status === "open" ? "writing" : state.status);
  $("message").hidden = !state.outcome || state.outcome === "complete";
  $("message").textContent = [state.message, state.detail].filter(Boolean).join(" ");
  $("stop").disabled = Boolean(state.outcome);
  $("ask").textContent = state.outcome ? "Ask again" : "Ask";
  $("ask").disabled = !state.outcome;
  drawFigures(state);
}

function drawFigures(state) {
  const now = performance.now() - figures.began;
  if (state.value !== figures.value) {
    figures.value = state.value;
    figures.messages += 1;
    const text = JSON.stringify(state.value);
    figures.text = sizeOf(text);
    figures.whole += figures.text + "data:\n\n".length;
    if (figures.first === null && Object.keys(state.value ?? {}).length) figures.first = now;
  }
  // The scale doubles when it is full, so that both can be seen to grow.
  const most = Math.max(8_000, 2 ** Math.ceil(Math.log2(Math.max(figures.whole, state.bytes, 1))));
  $("ops-bytes").textContent = bytes(state.bytes);
  $("snapshot-bytes").textContent = bytes(figures.whole);
  document.querySelector(".bar.ops").style.setProperty("--share", `${(state.bytes / most) * 100}%`);
  document.querySelector(".bar.whole").style.setProperty("--share", `${(figures.whole / most) * 100}%`);
  $("saved").textContent = state.outcome === "complete" && state.bytes < figures.whole
    ? `${(figures.whole / state.bytes).toFixed(1)}× less than whole snapshots` : "";
  $("first").textContent = figures.first === null ? "–" : `${Math.round(figures.first)} ms`;
  $("time").textContent = `${(now / 1000).toFixed(2)} s`;
  $("messages").textContent = figures.messages;
  $("text-bytes").textContent = bytes(figures.text);
}

function ask() {
  told = new Set();
  figures = { began: performance.now(), value: undefined, messages: 0, whole: 0, text: 0, first: null };
  $("ops").replaceChildren();
  const get = async (...args) => {
    const response = await fetch(...args);
    if (!response.ok) return response;
    const [mine, theirs] = response.body.tee();
    listen(mine).catch(() => {}); // a broken connection is told by the answer
    return new Response(theirs, response);
  };
  answer = new Answer("answer", { method: "POST", body: $("prompt").value, fetch: get });
  answer.subscribe(draw);
  draw(answer.state);
}

$("ask").addEventListener("click", ask);
$("stop").addEventListener("click", () => answer?.close());

const dark = matchMedia("(prefers-color-scheme: dark)");
function theme(name) {
  document.documentElement.dataset.theme = name;
  $("theme").textContent = name === "dark" ? "Light" : "Dark";
  $("theme").setAttribute("aria-label", `Use the ${name === "dark" ? "light" : "dark"} theme`);
  $("theme").setAttribute("aria-pressed", String(name === "dark"));
}
theme(dark.matches ? "dark" : "light");
$("theme").addEventListener("click", () => theme(document.documentElement.dataset.theme === "dark" ? "light" : "dark"));
ask();
