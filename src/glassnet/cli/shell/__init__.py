"""`glassnet shell`: a prompt on a host of a lab, with the tools that one knows from a real one."""
