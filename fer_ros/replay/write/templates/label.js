(() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const rows = [...document.querySelectorAll(".label-row")], done = [];
  const where = Object.fromEntries(data.columns.map((name, index) => [name, index]));
  const key = "fer_ros labels " + data.key;
  let labels = rows.map(() => ""), now = 0, saved = true;
  // A page from a file may have no storage; then it only lasts as long as its tab.
  try { const kept = JSON.parse(localStorage.getItem(key)); if (Array.isArray(kept) && kept.length === rows.length) labels = kept.map((l) => data.labels.includes(l) ? l : ""); } catch { /* as above */ }
  const keep = () => { try { localStorage.setItem(key, JSON.stringify(labels)); } catch { /* as above */ } };
  const draw = () => {
    rows.forEach((row, index) => {
      row.classList.toggle("now", index === now);
      for (const button of row.querySelectorAll("button")) button.setAttribute("aria-pressed", String(button.dataset.label === labels[index]));
    });
    const count = labels.filter(Boolean).length;
    document.getElementById("progress").value = count;
    document.getElementById("state").textContent = count + " of " + rows.length + " labelled" + (saved ? "" : ", not saved yet");
  };
  const go = (index) => {
    if (index < 0 || index >= rows.length) return;
    now = index; draw();
    rows[now].scrollIntoView({ block: "nearest" });
  };
  const choose = (index, label) => {
    done.push([index, labels[index]]);
    labels[index] = labels[index] === label ? "" : label;
    saved = false; keep();
    const open = labels.findIndex((own, at) => !own && at > index);
    now = index; draw();
    if (labels[index] && open >= 0) go(open);
  };
  const undo = () => {
    const last = done.pop();
    if (!last) return;
    labels[last[0]] = last[1]; saved = false; keep(); go(last[0]);
  };
  const quote = (text) => /[",\r\n]/.test(text) ? '"' + text.replaceAll('"', '""') + '"' : text;
  const csv = () => {
    const lines = data.rows.map((row, index) => row.map((text, column) => quote(column === where.label ? labels[index] : text)).join(","));
    return [data.columns.join(","), ...lines].join("\n") + "\n";
  };
  const save = () => {
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob([csv()], { type: "text/csv" }));
    link.download = data.file;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 10000);
    saved = true; draw();
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
  addEventListener("beforeunload", (event) => { if (!saved) event.preventDefault(); });
  draw();
})();
