import { expect, test } from "vitest";
import { urlProblem } from "./go-url.ts";

// Answers of Concourse 7.14.3 and 8.2.5; tests/release/rows/flags.ts compares more of them with any release.
test.each([
  ["http://ci.example.com", null],
  ["https://user:pw@ci.example.com:8443/path?x=1#frag", null],
  ["http://[fd00::5]:8080", null],
  ["", "missing scheme in ''"],
  ["http:///", "missing scheme in 'http:'"],
  ["http:ci.example.com", "missing scheme in 'http:ci.example.com'"],
  ["https:/ci.example.com/", "missing scheme in 'https:/ci.example.com'"],
  ["https:///ci", "missing scheme in 'https:///ci'"],
  ["://ci", 'parse "://ci": missing protocol scheme'],
  ["10.0.0.1:8080", 'parse "10.0.0.1:8080": first path segment in URL cannot contain colon'],
  ["http://ci/%zz", 'parse "http://ci/%zz": invalid URL escape "%zz"'],
  ["http://ci/#%zz", 'parse "http://ci/#%zz": invalid URL escape "%zz"'],
  ["http://%61.example.com", 'parse "http://%61.example.com": invalid URL escape "%61"'],
  ["http://ci%c3%a9.example.com", null],
  ["http://ci:port", 'parse "http://ci:port": invalid port ":port" after host'],
  ["http://[fd00::5", `parse "http://[fd00::5": missing ']' in host`],
  ["http://us er@ci", 'parse "http://us er@ci": net/url: invalid userinfo'],
  ["http://ci\tx", 'parse "http://ci\\tx": net/url: invalid control character in URL'],
])("%s", (url, problem) => {
  expect(urlProblem(url)).toBe(problem);
});
