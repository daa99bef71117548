from bazaar.agents.planner import Planner as Planner
