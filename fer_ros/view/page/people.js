// One card a person: the label of now, and how all probabilities went in the last minute.

const SHOWN = 12; // cards at most; beyond, a number
const FEW = 4; // more get smaller strips
const GAP = 1.5; // a face not seen for longer leaves a gap in its timeline [s]
const GONE = 1.5; // and counts as gone [s]

export class People {
  constructor(list, count, about, empty) {
    this.list = list;
    this.count = count;
    this.about = about;
    this.empty = empty;
    this.people = new Map();
    this.palette = {};
    this.colors = ["#455A64"]; // of people
    this.span = 60;
    this.newest = 0;
  }

  clear() {
    this.people.clear();
    this.list.replaceChildren();
    this.newest = 0;
  }

  add(moments) {
    for (const { t, labels, faces } of moments) {
      this.newest = Math.max(this.newest, t);
      for (const face of faces) {
        let person = this.people.get(face.id);
        if (!person) {
          person = { id: face.id, first: t, points: [], card: null };
          this.people.set(face.id, person);
        }
        person.labels = labels;
        person.label = face.label;
        person.confidence = face.confidence;
        person.age = face.age;
        person.points.push([t, face.probabilities]);
      }
    }
    this.forget();
  }

  forget() {
    const start = this.newest - this.span;
    for (const [id, person] of this.people) {
      while (person.points.length && person.points[0][0] < start) person.points.shift();
      if (!person.points.length) {
        person.card?.item.remove();
        this.people.delete(id);
      }
    }
  }

  draw() {
    const last = (person) => person.points[person.points.length - 1][0];
    const here = (person) => this.newest - last(person) < GONE;
    const order = [...this.people.values()].sort(
      (a, b) => here(b) - here(a) || a.first - b.first
        || a.id.localeCompare(b.id, undefined, { numeric: true }));
    order.forEach((person, place) => {
      if (place >= SHOWN) {
        person.card?.item.remove();
        person.card = null;
        return;
      }
      person.card ??= makeCard(person.id, this.colorOf(person.id));
      if (this.list.children[place] !== person.card.item) {
        this.list.insertBefore(person.card.item, this.list.children[place] ?? null);
      }
      this.fill(person, here(person));
    });
    this.list.classList.toggle("many", order.length > FEW);
    const present = order.filter(here).length;
    const more = order.length > SHOWN ? `, ${order.length - SHOWN} not shown` : "";
    this.count.textContent = order.length ? `${present} here, ${order.length} in a minute${more}` : "";
    this.empty.hidden = order.length > 0;
    this.about.hidden = order.length === 0;
  }

  fill(person, here) {
    const { item, label, runner, swatch, canvas } = person.card;
    const certain = person.label !== "uncertain";
    const percent = Math.round(person.confidence * 100);
    item.className = here ? "" : "gone";
    swatch.className = certain ? "swatch" : "swatch none";
    swatch.style.background = certain ? this.palette[person.label] ?? "#888" : "";
    const aged = person.age > 0 ? `, ${person.age.toFixed(1)} s old` : "";
    const shown = certain ? `${person.label} ${percent} %` : "uncertain";
    const text = here ? shown + aged : "gone";
    const nearest = here && !certain ? best(person, person.points.length - 1, 2).join(", ") : "";
    if (label.textContent !== text) label.textContent = text;
    if (runner.textContent !== nearest) runner.textContent = nearest;
    canvas.setAttribute("aria-label", `${person.id}: ${text} ${nearest}`.trim());
    person.card.read = (share) => this.read(person, share);
    this.plot(canvas, person);
  }

  colorOf(id) {
    const number = /\d+$/.exec(id); // as fer_ros/perception/palette.py has it
    return this.colors[number ? Number(BigInt(number[0]) % BigInt(this.colors.length)) : 0];
  }

  // What a strip says at a place, given as a share of its width.
  read(person, share) {
    const back = (1 - share) * this.span;
    const at = this.newest - back;
    let nearest = 0;
    person.points.forEach(([t], k) => {
      if (Math.abs(t - at) < Math.abs(person.points[nearest][0] - at)) nearest = k;
    });
    const lines = [`${person.id}, ${back.toFixed(1)} s ago`];
    const found = Math.abs(person.points[nearest][0] - at) <= GAP;
    return [...lines, ...(found ? best(person, nearest, 4) : ["not seen"])].join("\n");
  }

  plot(canvas, person) {
    const scale = window.devicePixelRatio || 1;
    const width = Math.round(canvas.clientWidth * scale);
    const height = Math.round(canvas.clientHeight * scale);
    if (!width || !height) return;
    if (canvas.width !== width || canvas.height !== height) {
      canvas.width = width;
      canvas.height = height;
    }
    const pen = canvas.getContext("2d");
    pen.clearRect(0, 0, width, height);
    const x = (t) => width * (1 - (this.newest - t) / this.span);
    for (const run of runs(person.points)) this.stack(pen, run, person.labels, x, height, scale);
    pen.strokeStyle = "#fff3";
    pen.lineWidth = 1;
    for (let back = 15; back < this.span; back += 15) {
      const at = Math.round(x(this.newest - back)) + 0.5;
      pen.beginPath();
      pen.moveTo(at, 0);
      pen.lineTo(at, height);
      pen.stroke();
    }
  }

  stack(pen, run, labels, x, height, scale) {
    const base = run.map(() => 0);
    labels.forEach((name, index) => {
      pen.fillStyle = this.palette[name] ?? "#888";
      pen.beginPath();
      run.forEach(([t], k) => pen.lineTo(x(t), height - (base[k] * height) / 1000));
      if (run.length === 1) pen.lineTo(x(run[0][0]) + 2 * scale, height - (base[0] * height) / 1000);
      run.forEach(([, p], k) => (base[k] += p[index] ?? 0));
      if (run.length === 1) pen.lineTo(x(run[0][0]) + 2 * scale, height - (base[0] * height) / 1000);
      for (let k = run.length - 1; k >= 0; k--) {
        pen.lineTo(x(run[k][0]), height - (base[k] * height) / 1000);
      }
      pen.fill();
    });
  }
}

// The most probable expressions at a point, as words.
function best(person, point, count) {
  return person.labels
    .map((name, index) => [person.points[point][1][index] ?? 0, name])
    .sort((a, b) => b[0] - a[0])
    .slice(0, count)
    .map(([p, name]) => `${name} ${Math.round(p / 10)} %`);
}

function* runs(points) {
  let run = [];
  for (const point of points) {
    if (run.length && point[0] - run[run.length - 1][0] > GAP) {
      yield run;
      run = [];
    }
    run.push(point);
  }
  if (run.length) yield run;
}

function makeCard(id, color) {
  const item = document.createElement("li");
  const top = document.createElement("div");
  top.className = "top";
  const now = document.createElement("span");
  const badge = document.createElement("span");
  badge.className = "badge";
  badge.textContent = id.slice(id.lastIndexOf("_") + 1).slice(-6);
  badge.style.background = color;
  const swatch = document.createElement("span");
  const label = document.createElement("span");
  const runner = document.createElement("span");
  runner.className = "runner";
  now.append(badge, swatch, label, runner);
  const who = document.createElement("span");
  who.className = "who";
  who.textContent = id;
  top.append(now, who);
  const canvas = document.createElement("canvas");
  canvas.setAttribute("role", "img");
  item.append(top, canvas);
  const card = { item, label, runner, swatch, canvas, read: () => "" };
  showUnderPointer(canvas, card);
  return card;
}

function showUnderPointer(canvas, card) {
  const tip = document.getElementById("tip");
  const show = (event) => {
    const area = canvas.getBoundingClientRect();
    tip.textContent = card.read(Math.min(Math.max((event.clientX - area.left) / area.width, 0), 1));
    tip.hidden = false;
    const left = Math.min(event.clientX + 14, innerWidth - tip.offsetWidth - 6);
    const top = Math.min(event.clientY + 14, innerHeight - tip.offsetHeight - 6);
    tip.style.left = `${Math.max(left, 0)}px`;
    tip.style.top = `${Math.max(top, 0)}px`;
  };
  canvas.addEventListener("pointermove", show);
  canvas.addEventListener("pointerdown", show);
  canvas.addEventListener("pointerleave", () => { tip.hidden = true; });
}
