"""page"""
def render(report): return ""
