(() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const rows = [...document.querySelectorAll(".label-row")], done = [];
  const where = Object.fromEntries(data.columns.map((name, index) => [name, index]));
  const key = "fer_ros labels " + data.key, unsaved = key + " unsaved";
  let labels = rows.map(() => ""), now = 0;
  // Each row is stored by itself, so that several tabs of this page keep each other's choices.
  // A page from a file may have no storage; then choices only last as long as its tab.
  const unstored = new Map(), place = (index) => key + " " + index;
  const store = (name, value) => { try { localStorage.setItem(name, value); unstored.delete(name); } catch { unstored.set(name, value); } };
  const stored = (name) => { if (unstored.has(name)) return unstored.get(name); try { return localStorage.getItem(name) ?? ""; } catch { return ""; } };
  const read = () => { labels = rows.map((_, index) => { const label = stored(place(index)); return data.labels.includes(label) ? label : ""; }); };
  const keep = (index) => { store(place(index), labels[index]); store(unsaved, "yes"); };
  const draw = () => {
    rows.forEach((row, index) => {
      row.classList.toggle("now", index === now);
      for (const button of row.querySelectorAll("button")) button.setAttribute("aria-pressed", String(button.dataset.label === labels[index]));
    });
    const count = labels.filter(Boolean).length;
    document.getElementById("progress").value = count;
    document.getElementById("state").textContent = count + " of " + rows.length + " labelled" + (stored(unsaved) ? ", not saved yet" : "");
  };
  const go = (index) => {
    if (index < 0 || index >= rows.length) return;
    now = index; draw();
    rows[now].scrollIntoView({ block: "nearest" });
  };
  const choose = (index, label) => {
    read();
    const before = labels[index];
    labels[index] = before === label ? "" : label;
    done.push([index, before, labels[index]]);
    keep(index);
    const open = labels.findIndex((own, at) => !own && at > index);
    now = index; draw();
    if (labels[index] && open >= 0) go(open);
  };
  const undo = () => {
    const last = done.pop();
    if (!last) return;
    read();
    const [index, before, after] = last;
    if (labels[index] === after) { labels[index] = before; keep(index); } // else another tab has chosen since
    go(index);
  };
  const quote = (text) => /[",\r\n]/.test(text) ? '"' + text.replaceAll('"', '""') + '"' : text;
  const csv = () => {
    const lines = data.rows.map((row, index) => row.map((text, column) => quote(column === where.label ? labels[index] : text)).join(","));
    return [data.columns.join(","), ...lines].join("\n") + "\n";
  };
  const save = () => {
    read();
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob([csv()], { type: "text/csv" }));
    link.download = data.file;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 10000);
    store(unsaved, ""); draw();
  };
  rows.forEach((row, index) => {
    row.addEventListener("click", (event) => {
      const button = event.target.closest("button");
      if (button) choose(index, button.dataset.label); else go(index);
    });
  });
  document.getElementById("save").addEventListener("click", save);
  document.getElementById("undo").addEventListener("click", undo);
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const number = Number(event.key);
    if (event.key === "ArrowDown") go(now + 1);
    else if (event.key === "ArrowUp") go(now - 1);
    else if (event.key === "u") undo();
    else if (event.key === "i") choose(now, data.labels[data.labels.length - 1]);
    else if (number >= 1 && number < data.labels.length) choose(now, data.labels[number - 1]);
    else return;
    event.preventDefault();
  });
  const refresh = () => { read(); draw(); };
  addEventListener("storage", refresh); // another tab has changed something
  addEventListener("focus", refresh); // not every browser announces that between pages from files
  addEventListener("beforeunload", (event) => { if (stored(unsaved)) event.preventDefault(); });
  refresh();
})();
