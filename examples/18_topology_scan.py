"""Example 18: the structure of a repository, read from its source.

    python examples/18_topology_scan.py [PATH] [--html FILE]

Nothing is imported or run. Without a PATH it looks at the small support desk beside this file:

    support_desk: 6 modules, 18 functions, 10 imports

    modules            lines  imported by  imports  instability
    desk                   1            3        0         0.00
    desk.model            18            1        0         0.00
    desk.prompts          12            2        2         0.50
    desk.tickets          27            2        1         0.33
    desk.agents           46            0        4         1.00

    in a circle: desk.prompts, desk.tickets

    handle leads to
      desk.agents.handle -> desk.agents.classify

The same from the command line: `otel-llmops scan PATH`, and with `--export html` as a page.
"""
