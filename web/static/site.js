// Everything here is a courtesy: each page and form works the same without it.
(() => {
  const all = (sel, root = document) => [...root.querySelectorAll(sel)];
  const words = document.currentScript.dataset;
  const say = (name, parts) => words[name].replace(/{(\w+)}/g, (_, part) => parts[part]);

  // The menu closes on Escape, on a click elsewhere and when the focus leaves it.
  for (const menu of all("details.menu")) {
    menu.addEventListener("keydown", (e) => {
      if (e.key !== "Escape" || !menu.open) return;
      menu.open = false;
      menu.querySelector("summary").focus();
    });
    const shut = (to) => { if (to && !menu.contains(to)) menu.open = false; };
    document.addEventListener("click", (e) => shut(e.target));
    menu.addEventListener("focusout", (e) => shut(e.relatedTarget));
  }

  // A link of the error summary puts the cursor into the field.
  for (const link of all(".errors a[href^='#']")) {
    link.addEventListener("click", (e) => {
      const target = document.getElementById(link.hash.slice(1));
      if (!target) return;
      e.preventDefault();
      target.scrollIntoView({ block: "center" });
      target.focus({ preventScroll: true });
    });
  }
  document.querySelector(".errors")?.focus();

  // The visitor's own time beside the event's, where the two differ. The zone's name is slow to learn, so it waits until
  // the event comes near the window and the page is idle; the line has its place at once, so that nothing moves.
  // Browsers that hide where they are say UTC: that is nobody's own time, and is not shown. A clock that stands at UTC all
  // the year is mostly such a one, so that nothing is asked about it until somebody moves.
  let written;
  const ownTime = (time, own) => {
    written ??= new Intl.DateTimeFormat("en-GB", { weekday: "long", day: "numeric", month: "long", hour: "numeric", minute: "2-digit",
      hourCycle: "h23" });
    const here = written.resolvedOptions().timeZone;
    if (!here || /^(UTC|GMT|Etc\/.*)$/.test(here)) { own.remove(); return; }
    own.textContent = say("here", { time: written.format(new Date(time.dateTime)), zone: here.replaceAll("_", " ") });
    if (!own.isConnected) time.after(own);
  };
  const idle = window.requestIdleCallback ?? setTimeout;
  const owns = new Map();
  const near = new IntersectionObserver((entries) => {
    for (const { isIntersecting, target } of entries) {
      if (!isIntersecting) continue;
      near.unobserve(target);
      idle(() => ownTime(target, owns.get(target)));
    }
  }, { rootMargin: "50%" });
  for (const time of all("time[data-offset]")) {
    const start = new Date(time.dateTime), away = -start.getTimezoneOffset();
    if (isNaN(away) || away === Number(time.dataset.offset)) continue;
    const own = document.createElement("span");
    own.className = "own-time";
    owns.set(time, own);
    if (away || new Date(start.getFullYear(), start.getMonth() + 6).getTimezoneOffset()) {
      time.after(own);
      near.observe(time);
    } else {
      for (const sign of ["pointermove", "keydown", "scroll"]) addEventListener(sign, () => near.observe(time), { once: true, passive: true });
    }
  }

  // How many characters are left, told once little is left; never cut off.
  for (const area of all("textarea[data-limit]")) {
    const limit = parseInt(area.dataset.limit.replace(/\D/g, ""), 10);
    if (!limit) continue;
    const line = document.createElement("p");
    line.className = "count";
    line.setAttribute("aria-live", "polite");
    area.after(line);
    const tell = () => {
      const left = limit - [...area.value].length;
      line.classList.toggle("over", left < 0);
      const n = Math.abs(left), name = (left < 0 ? "over" : "left") + (n === 1 ? "One" : "");
      line.textContent = left > limit * 0.25 ? "" : say(name, { n: n.toLocaleString("en") });
    };
    area.addEventListener("input", tell);
    tell();
  }

  // After a field was left: say what is missing or wrong; take it back as soon as it is mended. What the server said stands
  // until the field that was changed is left: only the server knows all that may be wrong.
  const complaint = (el) => {
    if (el.dataset.missing && !el.value.trim() && el.dataset.touched) return el.dataset.missing;
    if (el.dataset.email && el.value.trim() && !/^[^\s@]+@[^\s@]+\.[^\s@]+$/.test(el.value.trim()))
      return el.dataset.email;
    return "";
  };
  const settle = (el, note) => {
    el.removeAttribute("aria-invalid");
    if (!note) return;
    const ids = (el.getAttribute("aria-describedby") ?? "").split(" ").filter((x) => x && x !== note.id);
    if (ids.length) el.setAttribute("aria-describedby", ids.join(" "));
    else el.removeAttribute("aria-describedby");
    note.remove();
  };
  const mark = (el) => {
    const field = el.closest(".field");
    if (!field || el.closest("fieldset .choices, .rating")) return;
    const text = complaint(el);
    let note = field.querySelector(".error");
    field.classList.toggle("wrong", text !== "");
    if (!text) { settle(el, note); return; }
    el.setAttribute("aria-invalid", "true");
    if (!note) {
      note = document.createElement("p");
      note.className = "error";
      note.id = el.id + "-error";
      note.dataset.own = "";
      el.before(note);
      el.setAttribute("aria-describedby", (note.id + " " + (el.getAttribute("aria-describedby") ?? "")).trim());
    }
    note.textContent = text;
  };
  // A line that comes or goes moves the page. A press that took the cursor out of a field would miss its button by that, so
  // the line waits until the press is over.
  let waiting;
  addEventListener("pointerdown", () => { waiting = []; }, true);
  for (const end of ["pointerup", "pointercancel"])
    addEventListener(end, () => setTimeout(() => { const list = waiting ?? []; waiting = null; list.forEach(mark); }), true);
  for (const el of all("form[novalidate] .field :is(input:not([type=file], [type=radio], [type=checkbox]), textarea, select)")) {
    el.addEventListener("input", () => { el.dataset.touched = "1"; if (el.closest(".wrong")?.querySelector(".error[data-own]")) mark(el); });
    el.addEventListener("blur", () => {
      if (!el.dataset.touched) return;
      if (waiting) waiting.push(el); else mark(el);
    });
  }

  // A question with choices is mended by choosing.
  for (const box of all("form[novalidate] .field.wrong fieldset")) {
    box.addEventListener("change", () => {
      const field = box.closest(".field");
      field.classList.remove("wrong");
      settle(box, field.querySelector(".error"));
    });
  }

  // The telephone field knows which code the chosen country has; a number typed with + keeps its own.
  for (const phone of all("input[type=tel]")) {
    const country = phone.form?.elements.country;
    if (!country?.options) continue;
    const line = document.createElement("p");
    line.className = "count";
    line.setAttribute("aria-live", "polite");
    phone.after(line);
    const tell = () => {
      const chosen = country.selectedOptions[0], code = chosen?.dataset.dial;
      line.textContent = !code || phone.value.trim().startsWith("+") ? "" : say("dial", { code, country: chosen.label });
    };
    country.addEventListener("change", tell);
    phone.addEventListener("input", tell);
    tell();
  }

  // A large file tells how far it has come. The answer is a receipt, which has an address, or the page again, which has none.
  const sendFiles = (form, button) => {
    const line = document.createElement("p"), bar = document.createElement("progress"), x = new XMLHttpRequest();
    const says = form.querySelector("input[type=file]").dataset;
    line.className = "fine";
    line.setAttribute("role", "status");
    line.textContent = says.sending;
    bar.className = "progress";
    bar.max = 1;
    bar.setAttribute("aria-label", says.sent);
    button.parentNode.querySelector("[role=status]")?.remove(); // of an attempt that broke off
    button.after(line, bar);
    x.upload.onprogress = (e) => { if (e.lengthComputable) bar.value = e.loaded / e.total; };
    x.upload.onload = () => { bar.removeAttribute("value"); line.textContent = says.arrived; };
    x.onload = () => {
      if (x.responseURL && x.responseURL !== form.action) { location.assign(x.responseURL); return; }
      document.open();
      document.write(x.responseText);
      document.close();
    };
    x.onerror = () => {
      bar.remove();
      delete form.dataset.sent;
      line.textContent = says.broke;
      line.classList.add("notice", "bad");
    };
    const data = new FormData(form, button);
    x.open("POST", form.action);
    x.send(data);
  };

  // One click sends once; the server counts twice the same as once besides.
  for (const form of all("form[method=post][novalidate]")) {
    form.addEventListener("submit", (e) => {
      if (e.submitter?.hasAttribute("formtarget")) return;
      if (form.dataset.sent) { e.preventDefault(); return; }
      form.dataset.sent = "1";
      if (e.submitter && all("input[type=file]", form).some((f) => [...f.files].some((x) => x.size > 5e5))) {
        e.preventDefault();
        form.dataset.sent = "file";
        sendFiles(form, e.submitter);
        return;
      }
      setTimeout(again, 8000);
    });
    const again = () => { delete form.dataset.sent; };
    form.addEventListener("input", () => { if (form.dataset.sent !== "file") again(); }); // typed anew: the answer was a file to keep
    addEventListener("pageshow", again);
  }
})();
