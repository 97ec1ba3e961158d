"""The programs of the demo: ordinary ones, which know nothing of glassnet and run anywhere."""
