"""Do names, settings, files and docs agree?"""
