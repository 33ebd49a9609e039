import { deepEqual } from "node:assert/strict";
import { dirname, join } from "node:path";
import { checkLinks } from "../../tools/check_links.ts";

async function checkTree(files: Record<string, string>): Promise<string[]> {
  const root = await Deno.makeTempDir();
  try {
    for (const [path, text] of Object.entries(files)) {
      await Deno.mkdir(dirname(join(root, path)), { recursive: true });
      await Deno.writeTextFile(join(root, path), text);
    }
    return await checkLinks(root);
  } finally {
    await Deno.remove(root, { recursive: true });
  }
}

const HEADINGS =
  '# One\n\n## "… is X", in `a_b.c`\n\n## One\n\n## [Linked](../README.md) twice\n\n```sh\n# no heading\n```\n';

Deno.test("checkLinks() takes links to files, folders, headings as GitHub names them, and out of the tree", async () => {
  const links = [
    "docs/a.md",
    "docs/",
    "docs/a.md#one",
    "docs/a.md#one-1",
    "docs/a.md#-is-x-in-a_bc",
    "docs/a.md#linked-twice",
    "#top",
    "https://example.com/none.md#none",
  ];
  const files = {
    "README.md": `# Top\n${
      links.map((to) => `[a](${to})`).join("\n")
    }\n\`[code](none.md)\`\n\n\`\`\`\n[b](none.md)\n\`\`\`\n`,
    "docs/a.md": `${HEADINGS}![picture](../a.svg "title") [up](../README.md#top)\n`,
    "a.svg": "<svg/>",
    "core/a.ts": `// docs/a.md, https://example.com/docs/none.md, docs/api/, other-docs/none.md\n`,
    "runs/mine/README.md": "[a](none.md)\n",
  };
  deepEqual(await checkTree(files), []);
});

Deno.test("checkLinks() names file, line and target of what leads nowhere", async () => {
  const problems = await checkTree({
    "README.md": "# Top\n\n[a](docs/none.md) and [b](docs/a.md#two)\n[c](#no-heading)\n",
    "docs/a.md": `${HEADINGS}[up](README.md)\n[picture](a.svg#one)\n`,
    "docs/a.svg": "<svg/>",
    "core/a.ts": `\n/** As docs/gone.md says. */\nconst PAGE = new URL("../docs/old/b.md", import.meta.url);\n`,
    "kernels/a.wgsl": `// docs/gone/\n`,
  });
  deepEqual(problems, [
    "README.md:3 links to docs/none.md: there is no such file",
    "README.md:3 links to docs/a.md#two: docs/a.md has no heading of that name",
    "README.md:4 links to #no-heading: README.md has no heading of that name",
    "docs/a.md:12 links to README.md: there is no such file",
    "docs/a.md:13 links to a.svg#one: docs/a.svg has no heading of that name",
    `core/a.ts:2 names docs/gone.md: there is no such file`,
    `core/a.ts:3 names docs/old/b.md: there is no such file`,
    `kernels/a.wgsl:1 names docs/gone: there is no such file`,
  ]);
});
