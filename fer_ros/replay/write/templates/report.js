(() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const tip = document.getElementById("tip");
  for (const svg of document.querySelectorAll("svg.track")) {
    const track = data.tracks[Number(svg.dataset.track)], cursor = svg.querySelector(".cursor");
    const show = (event) => {
      const area = svg.getBoundingClientRect();
      const share = Math.min(Math.max((event.clientX - area.left) / area.width, 0), 0.999999);
      const time = track.start_s + share * track.seconds;
      const bin = track.bins.find((b) => b.from <= time && time < b.to);
      cursor.setAttribute("x1", 100 * share + "%"); cursor.setAttribute("x2", 100 * share + "%");
      cursor.classList.remove("hidden");
      const lines = ["+" + time.toFixed(2) + " s"];
      if (bin) {
        lines.push("label  " + bin.label);
        if (bin.truth) lines.push("truth  " + bin.truth);
        const order = bin.p.map((p, i) => [p, data.classes[i]]).sort((a, b) => b[0] - a[0]);
        for (const [p, name] of order.slice(0, 3)) lines.push(p.toFixed(3) + "  " + name);
      } else lines.push("not seen");
      tip.textContent = lines.join("\n");
      tip.style.display = "block";
      tip.style.left = Math.max(Math.min(event.clientX + 14, innerWidth - tip.offsetWidth - 8), 0) + "px";
      tip.style.top = Math.max(Math.min(event.clientY + 14, innerHeight - tip.offsetHeight - 8), 0) + "px";
    };
    svg.addEventListener("pointermove", show);
    svg.addEventListener("pointerdown", show);
    svg.addEventListener("pointerleave", () => { tip.style.display = "none"; cursor.classList.add("hidden"); });
  }
})();
