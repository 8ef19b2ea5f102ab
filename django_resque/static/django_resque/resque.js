/*
 * Keeps the numbers of a page fresh, which works without this: fetches the page anew each few
 * seconds and puts its live part in the place of the old one. Pauses while nobody sees the page,
 * while somebody selects text in it, and when told to by its button.
 */
"use strict";

(() => {
    const bar = document.getElementById("resque-refresh");
    const live = document.getElementById("resque-live");
    if (!bar || !live) {
        return;
    }
    const seconds = Number(bar.dataset.seconds);
    const button = bar.querySelector("button");
    const status = bar.querySelector("[role=status]");
    let paused = false;
    let timer = null;

    /* Tokens against forgery differ in each answer, and are no news. */
    const text = (element) => element.innerHTML.replace(/<input[^>]*csrfmiddlewaretoken[^>]*>/g, "");

    const announced = (element) => element.querySelector("[data-resque-announce]")?.textContent.trim();

    const say = (words) => {
        if (status.textContent !== words) {
            status.textContent = words;
        }
    };

    const isInUse = () => {
        const selection = document.getSelection();
        return selection && !selection.isCollapsed && live.contains(selection.anchorNode);
    };

    /* What stands in the new part for the element that has the focus in the old one. */
    const counterpart = (focused) => {
        if (!live.contains(focused)) {
            return () => {};
        }
        const same = (root) => [...root.querySelectorAll(focused.tagName)].filter(
            (each) => ["href", "name", "value", "aria-label", "aria-labelledby"].every(
                (name) => each.getAttribute(name) === focused.getAttribute(name)
            )
        );
        const at = same(live).indexOf(focused);
        return () => same(live)[at]?.focus({preventScroll: true});
    };

    const replace = (fresh) => {
        const before = announced(live);
        const focus = counterpart(document.activeElement);
        const scrolled = [...live.querySelectorAll(".resque-scroll")].map((each) => each.scrollLeft);
        const values = [...live.querySelectorAll("input[id]")].map((each) => [each.id, each.value]);
        const opened = [...live.querySelectorAll("details")].map((each) => each.open);
        live.replaceChildren(...fresh.childNodes);
        live.querySelectorAll(".resque-scroll").forEach((each, at) => {
            each.scrollLeft = scrolled[at] ?? 0;
        });
        live.querySelectorAll("details").forEach((each, at) => {
            each.open = opened[at] ?? each.open;
        });
        values.forEach(([id, value]) => {
            const input = document.getElementById(id);
            if (input) {
                input.value = value;
            }
        });
        focus();
        const after = announced(live);
        if (after && after !== before) {
            say(after);
        }
    };

    const refresh = async () => {
        try {
            const response = await fetch(location.href, {redirect: "error", cache: "no-store"});
            const page = new DOMParser().parseFromString(await response.text(), "text/html");
            const fresh = page.getElementById("resque-live");
            if (!fresh) {
                throw new Error("no live part");
            }
            bar.classList.remove("resque-stale");
            if (status.textContent === bar.dataset.stale) {
                say("");
            }
            if (!isInUse() && text(fresh) !== text(live)) {
                replace(fresh);
            }
        } catch {
            bar.classList.add("resque-stale");
            say(bar.dataset.stale);
        }
    };

    const schedule = () => {
        clearTimeout(timer);
        if (!paused && !document.hidden) {
            timer = setTimeout(() => refresh().finally(schedule), seconds * 1000);
        }
    };

    button.addEventListener("click", () => {
        paused = !paused;
        button.textContent = paused ? bar.dataset.resume : bar.dataset.pause;
        button.setAttribute("aria-pressed", String(paused));
        schedule();
    });
    document.addEventListener("visibilitychange", () => {
        if (!document.hidden && !paused) {
            refresh().finally(schedule);
        } else {
            schedule();
        }
    });
    bar.hidden = false;
    schedule();
})();
