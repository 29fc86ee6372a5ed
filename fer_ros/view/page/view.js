// The live page. Everything comes through one socket: JSON about the robot, JPEGs of the camera.

import { People } from "./people.js";

const LEVELS = [["ok", "●", "OK"], ["warn", "▲", "WARN"], ["error", "■", "ERROR"], ["warn", "○", "STALE"]];
const STAGES = ["age", "total", "decode", "detect", "align", "classify", "track", "publish"];
const SILENT = 2; // a result older than this is called old [s]
const LOSING = 10; // from so many per cent of lost images on, a camera is not called well
const RETRY = [500, 1000, 2000, 5000]; // pauses before connecting again [ms]

const $ = (query) => document.querySelector(query);
const people = new People($("#cards"), $("#people-count"), $("#about-people"), $("#no-people"));
let socket = null;
let failures = 0;
let state = { nodes: [], cameras: [], events: [] };
let chosen = "";
let pictureUrl = "";
let pictureAt = 0;
let pictures = 0;
let paused = false;

function connect() {
  const address = new URL("live", document.baseURI); // beside the page, also below a proxy's path
  address.protocol = address.protocol === "https:" ? "wss:" : "ws:";
  socket = new WebSocket(address);
  socket.binaryType = "blob";
  socket.onopen = () => {
    failures = 0;
    look();
    if (chosen) choose(chosen);
    wish("next", true);
  };
  socket.onmessage = ({ data }) => (typeof data === "string" ? hear(JSON.parse(data)) : show(data));
  socket.onclose = () => {
    setLink("error", "connection lost, trying again");
    $("#picture").classList.add("stale");
    setTimeout(connect, RETRY[Math.min(failures++, RETRY.length - 1)]);
  };
}

// A page that is paused gets nothing, as one that is not in front.
function look() {
  wish("visible", !document.hidden && !paused);
}

function wish(name, value) {
  if (socket.readyState === WebSocket.OPEN) socket.send(JSON.stringify({ [name]: value }));
}

function hear(message) {
  if (message.type === "hello") {
    people.palette = message.palette;
    people.colors = message.people;
    people.span = message.window;
  } else if (message.type === "state") {
    state = message;
    drawState();
  } else if (message.type === "faces" && message.camera === chosen) {
    if (message.whole) people.clear();
    people.add(message.moments);
    people.draw();
    drawLegend(message.moments[message.moments.length - 1].labels);
  }
}

function choose(camera) {
  if (camera !== chosen) {
    people.clear();
    people.draw();
    hidePicture();
  }
  chosen = camera;
  wish("camera", camera);
}

function show(jpeg) {
  const image = $("#picture");
  const url = URL.createObjectURL(jpeg);
  const drawn = () => {
    if (pictureUrl) URL.revokeObjectURL(pictureUrl);
    pictureUrl = url;
    wish("next", true);
  };
  image.onload = () => {
    image.hidden = false;
    image.classList.remove("stale");
    $("#no-picture").hidden = true;
    pictureAt = performance.now();
    pictures += 1;
    image.dataset.pictures = pictures;
    $("#snapshot").disabled = false;
    drawn();
  };
  image.onerror = drawn;
  image.src = url;
}

function hidePicture() {
  $("#picture").hidden = true;
  $("#no-picture").hidden = false;
  $("#snapshot").disabled = true;
}

function pause() {
  paused = !paused;
  $("#pause").setAttribute("aria-pressed", String(paused));
  $("#pause").textContent = paused ? "Go on" : "Pause";
  look();
  if (paused) setLink("warn", "paused");
  else wish("next", true);
}

function snapshot() {
  const link = element("a");
  link.href = pictureUrl;
  link.download = `fer_ros-${new Date().toISOString().replace(/[:.]/g, "-")}.jpg`;
  link.click();
}

function drawState() {
  const { nodes, cameras, events } = state;
  const read = cameras.filter((camera) => camera.node);
  if (!read.some((camera) => camera.id === chosen) && read.length) {
    choose((read.find((camera) => camera.picture) ?? read[0]).id);
  }
  const camera = cameras.find((each) => each.id === chosen);
  drawLink(nodes, camera);
  drawCameras(cameras);
  drawStage(camera);
  drawLatency(nodes.find((node) => node.name === camera?.node) ?? nodes[0]);
  drawImages(camera);
  drawDiagnostics(nodes);
  drawEvents(events);
}

function setLink(level, text) {
  const chip = $("#link");
  chip.className = `chip ${level}`;
  if (chip.textContent !== text) chip.textContent = text;
}

function drawLink(nodes, camera) {
  if (paused) return setLink("warn", "paused");
  const alive = nodes.filter((node) => node.silent < 5);
  if (!nodes.length && !camera) return setLink("warn", "no node yet");
  if (nodes.length && !alive.length) {
    return setLink("error", `node silent for ${Math.round(nodes[0].silent)} s`);
  }
  if (!camera || camera.silent === null) return setLink("warn", "no image yet");
  if (camera.silent > SILENT) return setLink("error", `no result for ${Math.round(camera.silent)} s`);
  const lost = lostShare(camera);
  if (lost >= LOSING) return setLink("warn", `live, ${Math.round(lost)} % of images lost`);
  setLink("ok", "live");
}

// Of the images of a camera, how many were not processed [per cent].
function lostShare(camera) {
  return Number(camera?.values?.lost_percent ?? 0);
}

// The level of a camera, or of a line of diagnostics.
function levelOf(status) {
  return Math.max(status.level, lostShare(status) >= LOSING ? 1 : 0);
}

function drawCameras(cameras) {
  const buttons = cameras.map((camera) => {
    const button = element("button");
    button.type = "button";
    button.disabled = !camera.node;
    button.setAttribute("aria-pressed", String(camera.id === chosen));
    const level = camera.silent > SILENT ? 2 : levelOf(camera);
    const several = state.nodes.length > 1 && camera.node ? ` (${camera.node})` : "";
    const note = camera.node ? "" : " not read by a node";
    button.append(camera.node ? mark(level) : "", ` ${camera.topic}${several}${note}`);
    if (!camera.node) button.title = "add it to the node's image_topics";
    button.onclick = () => {
      if (paused) pause();
      choose(camera.id);
      drawState();
    };
    return button;
  });
  replaceIfNew($("#cameras"), buttons);
}

function drawStage(camera) {
  const old = performance.now() - pictureAt > 1000 * SILENT;
  $("#picture").classList.toggle("stale", old);
  let reason = nothingYet();
  if (camera?.silent === null) reason = `No image has come from ${camera.topic} yet. ${nothingYet()}`;
  else if (camera && !camera.picture) reason = `${camera.node} offers no annotated pictures (publish_annotated).`;
  else if (camera) reason = "Waiting for the next picture.";
  $("#no-picture").textContent = reason;
  const parts = [];
  if (camera) {
    parts.push(camera.topic);
    if (camera.size) parts.push(camera.size);
    if (camera.message) parts.push(camera.message);
    if (camera.silent > SILENT) parts.push(`last result ${Math.round(camera.silent)} s ago`);
  }
  $("#caption").textContent = parts.join(" · ");
}

// What to start, by what is there.
function nothingYet() {
  const free = state.cameras.filter((each) => !each.node).map((each) => each.topic);
  const topics = free.join(", ");
  if (!state.nodes.length && !free.length) {
    return "Nothing is published here. Start a camera with \u201cfer-ros camera\u201d and the node with " +
      "\u201cfer-ros run\u201d, on ROS 2 \u201cros2 launch fer_ros camera.launch.py\u201d, in this domain.";
  }
  if (!state.nodes.length) {
    return `Images are on ${topics}, but no node reads them. Start one: ` +
      `\u201cfer-ros run --ros-args -p image_topics:=[${free[0]}]\u201d.`;
  }
  if (free.length) return `Images are on ${topics}: add what you want to the node's image_topics.`;
  return "No camera publishes. Start one with \u201cfer-ros camera\u201d, or the driver of yours.";
}

function drawLatency(node) {
  const status = node?.statuses.find((each) => each.name.endsWith(": latency"));
  const rows = STAGES.filter((stage) => status?.values[`${stage}_ms.p50`] !== undefined).map((stage) => {
    const name = { age: "image age", total: "in the node" }[stage] ?? stage;
    const cells = ["p50", "p95", "p99"].map((p) =>
      element("td", Number(status.values[`${stage}_ms.${p}`]).toFixed(1)));
    const row = element("tr", element("th", name), ...cells);
    if (stage === "total") row.className = "sum";
    return row;
  });
  fill("#latency", "tbody", rows);
  $("#latency thead").hidden = rows.length === 0;
}

function drawImages(camera) {
  const values = camera?.values ?? {};
  const rows = [];
  const add = (name, value) => rows.push(element("tr", element("th", name), element("td", value)));
  if (values.received !== undefined) {
    add("coming in", `${Number(values.rate_in_hz).toFixed(1)} Hz`);
    add("processed", `${Number(values.rate_out_hz).toFixed(1)} Hz`);
    add("images received", values.received);
    add("images processed", values.published);
    for (const [key, value] of Object.entries(values)) {
      if (key.startsWith("dropped.") && (value !== "0" || key === "dropped.superseded")) {
        add(`dropped, ${key.slice(8).replace("_", " ")}`, value);
      }
    }
  }
  fill("#images", "tbody", rows);
}

function drawDiagnostics(nodes) {
  const items = nodes.flatMap((node) => node.statuses.map((status) => {
    const short = status.name.split(": ").slice(1).join(": ") || status.name;
    const name = nodes.length > 1 ? `${node.name} ${short}` : short;
    return element("li", mark(levelOf(status)), " ", element("b", name), ` ${status.message}`);
  }));
  fill("#diagnostics", "ul", items);
}

function drawEvents(events) {
  const items = events.slice().reverse().map((event) => {
    const at = new Date(event.stamp_ns / 1e6);
    const time = element("time", at.toLocaleTimeString([], { hour12: false }));
    const what = [event.rule, event.phase, event.label, event.track_id].filter(Boolean).join(" · ");
    const seconds = event.phase === "end" ? ` after ${(event.duration_ns / 1e9).toFixed(1)} s` : "";
    return element("li", time, what + seconds + (event.cause ? ` (${event.cause})` : ""));
  });
  fill("#events", "ol", items);
}

function drawLegend(labels) {
  const items = labels.map((name) => {
    const swatch = element("span");
    swatch.className = "swatch";
    swatch.style.background = people.palette[name] ?? "#888";
    return element("li", swatch, name);
  });
  const none = element("span");
  none.className = "swatch none";
  replaceIfNew($("#legend"), [...items, element("li", none, "uncertain")]);
}

function mark(level) {
  const [style, sign, word] = LEVELS[level] ?? LEVELS[3];
  const span = element("span", sign);
  span.className = style;
  span.setAttribute("aria-label", word);
  return span;
}

function fill(section, part, items) {
  replaceIfNew($(`${section} ${part}`), items);
  const quiet = $(`${section} > .quiet`);
  if (quiet) quiet.hidden = items.length > 0;
}

// What has not changed stays, so that scrolling, focus and selection survive.
function replaceIfNew(parent, children) {
  const html = children.map((child) => child.outerHTML).join("");
  if (parent.dataset.shown === html) return;
  parent.dataset.shown = html;
  parent.replaceChildren(...children);
}

function element(tag, ...content) {
  const made = document.createElement(tag);
  made.append(...content);
  return made;
}

document.addEventListener("visibilitychange", () => {
  look();
  if (!document.hidden) wish("next", true);
});
$("#pause").onclick = pause;
$("#snapshot").onclick = snapshot;
window.addEventListener("resize", () => people.draw());
connect();
